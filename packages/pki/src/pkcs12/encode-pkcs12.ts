import { createHmac, hash, randomBytes } from 'node:crypto'
import { CertctlError } from '@certctl/core'
import { parseCertificate } from '../certificate.js'
import { keyMatches } from '../chain.js'
import { tags } from '../der/primitives.js'
import { element, octetString, oid, sequence, smallInteger } from '../der/writer.js'
import { readPrivateKey } from '../signer.js'
import { deriveBytes } from './derive-bytes.js'
import { type Encrypt, type Encrypted, encryptLegacy, encryptModern, type Random } from './encrypt.js'
import { certificateBag, explicit, shroudedKeyBag } from './safe-bags.js'

export const pkcs12Formats = ['modern', 'legacy'] as const
export type Pkcs12Format = (typeof pkcs12Formats)[number]

export interface Pkcs12Options {
  /** DER; with a key the leaf first, then its chain. */
  certificates: readonly Uint8Array[]
  /** Of the first certificate, PKCS #8. Without it the file is a trust store: certificates only. */
  privateKeyPem?: string | undefined
  /** May be empty. */
  password: string
  /** `modern` where not given. */
  format?: Pkcs12Format | undefined
  /** What importers show; the common name of each certificate where not given, with a key of the first one. */
  friendlyName?: string | undefined
  random?: Random | undefined
}

interface Kind {
  encrypt: Encrypt
  macHash: 'sha1' | 'sha256'
  macHashOid: string
  macIterations: number
}

const kinds: Readonly<Record<Pkcs12Format, Kind>> = {
  modern: {
    encrypt: encryptModern,
    macHash: 'sha256',
    macHashOid: '2.16.840.1.101.3.4.2.1',
    macIterations: 10_000,
  },
  legacy: { encrypt: encryptLegacy, macHash: 'sha1', macHashOid: '1.3.14.3.2.26', macIterations: 2000 },
}

/**
 * A PKCS #12 file (RFC 7292), DER: certificates, and where one is given the key of the first, all encrypted and under a MAC. `modern`
 * is AES-256 and SHA-256, `legacy` is Triple DES and SHA-1 for importers that read nothing else. Throws `request_malformed` without a
 * certificate, for what cannot be read, and for a key that does not belong to the first certificate.
 */
export async function encodePkcs12(options: Pkcs12Options): Promise<Uint8Array> {
  const { password, format = 'modern', random = randomBytes } = options
  const kind = kinds[format]
  const certificates = sequence(...certificateBags(options))
  const safes = [encryptedData(await kind.encrypt(certificates, password, random))]
  const key = await keySafe(options, async (content) => await kind.encrypt(content, password, random))
  const authenticatedSafe = sequence(...safes, ...(key === undefined ? [] : [data(key)]))
  return sequence(smallInteger(3), data(authenticatedSafe), macData(authenticatedSafe, { kind, password, random }))
}

function certificateBags({ certificates, privateKeyPem, friendlyName }: Pkcs12Options): Uint8Array[] {
  const [first] = certificates
  if (first === undefined) throw new CertctlError('request_malformed', 'A PKCS #12 file needs at least one certificate')
  if (privateKeyPem !== undefined && !keyMatches(parseCertificate(first).pem, privateKeyPem))
    throw new CertctlError('request_malformed', 'The private key does not belong to the first certificate')
  const unique = uniqueNames(certificates.map((der) => friendlyName ?? nameOf(der)))
  return certificates.map((der, index) => {
    if (privateKeyPem === undefined) return certificateBag(der, { friendlyName: unique[index], trusted: true })
    return certificateBag(der, index === 0 ? { friendlyName: unique[0], localKeyId: keyIdOf(der) } : {})
  })
}

function nameOf(der: Uint8Array): string {
  const { commonName, subjectText, fingerprint } = parseCertificate(der)
  return commonName ?? (subjectText === '' ? fingerprint : subjectText)
}

/** Java takes the name as the alias, and without regard to case: two of one name would be one. */
function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>()
  return names.map((name) => {
    let unique = name
    for (let n = 2; taken.has(unique.toLowerCase()); n += 1) unique = `${name} (${n})`
    taken.add(unique.toLowerCase())
    return unique
  })
}

/** As others do it: SHA-1 over the certificate. A name within this file, not a protection. */
function keyIdOf(der: Uint8Array): Uint8Array {
  return hash('sha1', der, 'buffer')
}

async function keySafe(
  { certificates: [first], privateKeyPem, friendlyName }: Pkcs12Options,
  encrypt: (content: Uint8Array) => Promise<Encrypted>,
): Promise<Uint8Array | undefined> {
  if (privateKeyPem === undefined || first === undefined) return undefined
  const pkcs8 = readPrivateKey(privateKeyPem).export({ type: 'pkcs8', format: 'der' })
  const { algorithm, content } = await encrypt(pkcs8)
  const names = { friendlyName: friendlyName ?? nameOf(first), localKeyId: keyIdOf(first) }
  return sequence(shroudedKeyBag(sequence(algorithm, octetString(content)), names))
}

const dataOid = '1.2.840.113549.1.7.1'

function data(content: Uint8Array): Uint8Array {
  return sequence(oid(dataOid), element(explicit, octetString(content)))
}

function encryptedData({ algorithm, content }: Encrypted): Uint8Array {
  // `[0] IMPLICIT OCTET STRING`
  const info = sequence(oid(dataOid), algorithm, element(0x80, content))
  return sequence(oid('1.2.840.113549.1.7.6'), element(explicit, sequence(smallInteger(0), info)))
}

function macData(
  content: Uint8Array,
  { kind, password, random }: { kind: Kind; password: string; random: Random },
): Uint8Array {
  const { macHash: algorithm, macHashOid, macIterations: iterations } = kind
  const salt = random(algorithm === 'sha1' ? 8 : 16)
  const length = algorithm === 'sha1' ? 20 : 32
  const key = deriveBytes({ algorithm, password, salt, iterations, purpose: 'mac', length })
  const digest = createHmac(algorithm, key).update(content).digest()
  const digestInfo = sequence(sequence(oid(macHashOid), element(tags.null)), octetString(digest))
  return sequence(digestInfo, octetString(salt), smallInteger(iterations))
}
