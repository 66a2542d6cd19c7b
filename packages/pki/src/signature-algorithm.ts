import { readOid } from './der/object-identifier.js'
import { readNull, readSmallInteger, tags } from './der/primitives.js'
import { type DerReader, enter, leave, malformed, peekTag, walk } from './der/reader.js'
import { signatureOids as oids } from './signature-oids.js'

export type SignatureHash = 'sha256' | 'sha384' | 'sha512'

/** How a signature was made, so far as we would check or make one ourselves. */
export interface SignatureAlgorithm {
  /** The name of RFC 4055, 5758 or 8410, or the object identifier. */
  readonly name: string
  /** Absent: not one we accept; `fault` says why. */
  readonly scheme?: SignatureScheme | undefined
  readonly fault?: string | undefined
}
export interface SignatureScheme {
  readonly key: 'RSA' | 'EC' | 'Ed25519'
  readonly hash?: SignatureHash | undefined
  /** RSASSA-PSS. */
  readonly saltLength?: number | undefined
}

const broken = (name: string, hash: string): SignatureAlgorithm => ({
  name,
  fault: `it is signed with ${hash} (${name}), which is broken; sign with SHA-256 or better`,
})
const rsa = (name: string, hash: SignatureHash): SignatureAlgorithm => ({ name, scheme: { key: 'RSA', hash } })
const ecdsa = (name: string, hash: SignatureHash): SignatureAlgorithm => ({ name, scheme: { key: 'EC', hash } })
const foreign = (name: string): SignatureAlgorithm => ({
  name,
  fault: `its signature algorithm ${name} is not accepted`,
})

const algorithms: Readonly<Record<string, SignatureAlgorithm>> = {
  [oids.rsaMd2]: broken('md2WithRSAEncryption', 'MD2'),
  [oids.rsaMd5]: broken('md5WithRSAEncryption', 'MD5'),
  [oids.rsaSha1]: broken('sha1WithRSAEncryption', 'SHA-1'),
  [oids.oiwRsaSha1]: broken('sha1WithRSASignature', 'SHA-1'),
  [oids.ecdsaSha1]: broken('ecdsa-with-SHA1', 'SHA-1'),
  [oids.dsaSha1]: broken('dsa-with-SHA1', 'SHA-1'),
  [oids.rsaSha224]: foreign('sha224WithRSAEncryption'),
  [oids.rsaSha256]: rsa('sha256WithRSAEncryption', 'sha256'),
  [oids.rsaSha384]: rsa('sha384WithRSAEncryption', 'sha384'),
  [oids.rsaSha512]: rsa('sha512WithRSAEncryption', 'sha512'),
  [oids.ecdsaSha224]: foreign('ecdsa-with-SHA224'),
  [oids.ecdsaSha256]: ecdsa('ecdsa-with-SHA256', 'sha256'),
  [oids.ecdsaSha384]: ecdsa('ecdsa-with-SHA384', 'sha384'),
  [oids.ecdsaSha512]: ecdsa('ecdsa-with-SHA512', 'sha512'),
  [oids.dsaSha256]: foreign('dsa-with-SHA256'),
  [oids.ed25519]: { name: 'Ed25519', scheme: { key: 'Ed25519' } },
  [oids.ed448]: foreign('Ed448'),
}

/** Reads an AlgorithmIdentifier of a signature. */
export function readSignatureAlgorithm(reader: DerReader): SignatureAlgorithm {
  const outer = enter(reader, tags.sequence, 'the signature algorithm')
  const oid = readOid(reader, 'the signature algorithm')
  const found = oid === oids.rsaPss ? readPss(reader) : (algorithms[oid] ?? foreign(oid))
  if (oid !== oids.rsaPss) readParameters(reader, found)
  leave(reader, outer, 'the signature algorithm')
  return found
}

// RFC 4055 §5: NULL, and absent is accepted. RFC 5758 §3.2, RFC 8410 §3: absent.
function readParameters(reader: DerReader, { scheme }: SignatureAlgorithm): void {
  if (reader.at === reader.end) return
  if (scheme === undefined) walk(reader, 'the signature parameters')
  else if (scheme.key === 'RSA') readNull(reader, 'the signature parameters')
  else
    throw malformed(
      reader,
      `${scheme.key === 'EC' ? 'ECDSA' : 'Ed25519'} signatures have no parameters, but some are there`,
    )
}

const hashOids: Readonly<Record<string, SignatureHash | 'sha1'>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
const maskOid = '1.2.840.113549.1.1.8'

// RFC 4055 §3.1. Every default is SHA-1, so absent parameters are refused by the same sentence.
function readPss(reader: DerReader): SignatureAlgorithm {
  if (reader.at === reader.end) return broken('RSASSA-PSS', 'SHA-1')
  const outer = enter(reader, tags.sequence, 'the PSS parameters')
  const hash = readTagged(reader, 0xa0, () => readHash(reader)) ?? 'sha1'
  const mask = readTagged(reader, 0xa1, () => readMask(reader)) ?? 'sha1'
  const saltLength = readTagged(reader, 0xa2, () => readSmallInteger(reader, 'the salt length')) ?? 20
  const trailer = readTagged(reader, 0xa3, () => readSmallInteger(reader, 'the trailer field')) ?? 1
  leave(reader, outer, 'the PSS parameters')
  if (hash === 'sha1') return broken('RSASSA-PSS', 'SHA-1')
  if (hash === 'other' || mask !== hash || trailer !== 1 || saltLength > 64)
    return {
      name: 'RSASSA-PSS',
      fault: 'its RSASSA-PSS parameters are not the usual ones (SHA-256, 384 or 512 for both hash and mask)',
    }
  return { name: 'RSASSA-PSS', scheme: { key: 'RSA', hash, saltLength } }
}

function readTagged<T>(reader: DerReader, tag: number, read: () => T): T | undefined {
  if (peekTag(reader) !== tag) return undefined
  const outer = enter(reader, tag, 'the PSS parameters')
  const value = read()
  leave(reader, outer, 'the PSS parameters')
  return value
}

function readHash(reader: DerReader): SignatureHash | 'sha1' | 'other' {
  const outer = enter(reader, tags.sequence, 'the PSS hash')
  const oid = readOid(reader, 'the PSS hash')
  if (reader.at < reader.end) readNull(reader, 'the PSS hash parameters')
  leave(reader, outer, 'the PSS hash')
  return hashOids[oid] ?? 'other'
}

function readMask(reader: DerReader): SignatureHash | 'sha1' | 'other' {
  const outer = enter(reader, tags.sequence, 'the PSS mask')
  const oid = readOid(reader, 'the PSS mask')
  if (oid !== maskOid) {
    while (reader.at < reader.end) walk(reader, 'the PSS mask')
    leave(reader, outer, 'the PSS mask')
    return 'other'
  }
  const hash = readHash(reader)
  leave(reader, outer, 'the PSS mask')
  return hash
}
