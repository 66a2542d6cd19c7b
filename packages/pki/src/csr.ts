import { CertctlError, type GeneralName, isCertctlError } from '@certctl/core'
import { readOid } from './der/object-identifier.js'
import { readBitOctets, readSmallInteger, tags } from './der/primitives.js'
import { createReader, type DerReader, enter, leave, malformed, walk } from './der/reader.js'
import { readText } from './der/strings.js'
import { derOf, type ExpectedBlock } from './der-or-pem.js'
import { type NameAttribute, readDistinguishedName } from './distinguished-name.js'
import { extensionName, extensionOids } from './extensions/extension-oids.js'
import { type Extensions, noExtensions, readExtensions } from './extensions/read-extensions.js'
import { canonicalGeneralName } from './general-name.js'
import { encodePem } from './pem.js'
import { type PublicKeyInfo, readKey } from './public-key.js'
import { readSignatureAlgorithm, type SignatureScheme } from './signature-algorithm.js'

/** A certification request (RFC 2986), read and found sound in form. Whether its signature holds is `checkProofOfPossession`, whether its key is strong enough `checkKeyPolicy`. */
export interface Csr {
  readonly der: Uint8Array
  readonly pem: string
  readonly subject: readonly NameAttribute[]
  /** RFC 4514. */
  readonly subjectText: string
  readonly commonName: string | undefined
  /** Subject alternative names, canonical; repeated ones once. */
  readonly names: readonly GeneralName[]
  readonly publicKey: PublicKeyInfo
  readonly signatureAlgorithm: string
  readonly requested: {
    readonly extendedKeyUsages: readonly string[]
    readonly keyUsages: readonly string[]
    readonly mustStaple: boolean
    readonly isCa: boolean
    /** Every extension by object identifier. */
    readonly extensions: readonly string[]
  }
  /** Every attribute by object identifier. */
  readonly attributes: readonly string[]
  /** SCEP's password (RFC 2985 §5.4.1). A credential: never log it. */
  readonly challengePassword: string | undefined
  /** CertificationRequestInfo, the bytes that were signed. */
  readonly signedBytes: Uint8Array
  readonly signature: Uint8Array
  /** Absent: not an algorithm we accept, and `signatureFault` says why. */
  readonly signatureScheme: SignatureScheme | undefined
  readonly signatureFault: string | undefined
}

const block: ExpectedBlock = {
  labels: ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'],
  what: 'CSR',
  code: 'csr_malformed',
  maxBytes: 65_536,
}

/**
 * Reads one CSR, PEM or DER. Throws `too_large` above 64 KiB, `csr_malformed` for what is not strict DER of RFC 2986, and
 * `csr_rejected` for what is readable and refused: a key or curve we do not certify, explicit curve parameters, names of other
 * kinds or against the rules of their kind, critical extensions nobody here understands.
 */
export function parseCsr(pemOrDer: string | Uint8Array): Csr {
  const known = typeof pemOrDer === 'string' ? parsed.get(pemOrDer) : undefined
  if (known !== undefined) return known
  const csr = readCsr(createReader(derOf(pemOrDer, block), block))
  if (typeof pemOrDer !== 'string') return csr
  if (parsed.size >= mostParsed) parsed.clear()
  parsed.set(pemOrDer, csr)
  return csr
}

/** The same CSR is read at every stage of an order. At most so many of at most 64 KiB, usually of one. */
const mostParsed = 200
const parsed = new Map<string, Csr>()

/** The same from a reader, whose steps can then be looked at. */
export function readCsr(reader: DerReader): Csr {
  const outer = enter(reader, tags.sequence, 'the CSR')
  const start = reader.at
  const info = readInfo(reader)
  const signedBytes = reader.bytes.subarray(start, reader.at)
  const { name, scheme, fault } = readSignatureAlgorithm(reader)
  const signature = readBitOctets(reader, 'the signature')
  leave(reader, outer, 'the CSR')
  if (reader.at !== reader.end) throw malformed(reader, `bytes follow its end: ${reader.end - reader.at}`)
  const der = reader.bytes
  return {
    der,
    pem: encodePem('CERTIFICATE REQUEST', der),
    ...info,
    signatureAlgorithm: name,
    signedBytes,
    signature,
    signatureScheme: scheme,
    signatureFault: fault,
  }
}

function readInfo(reader: DerReader) {
  const outer = enter(reader, tags.sequence, 'the request')
  if (readSmallInteger(reader, 'the version') !== 0) throw malformed(reader, 'its version is not 1')
  const subject = readDistinguishedName(reader, 'the subject')
  const publicKey = readAcceptedKey(reader)
  const { oids, extensions, challengePassword } = readAttributes(reader)
  leave(reader, outer, 'the request')
  return {
    subject: subject.attributes,
    subjectText: subject.text,
    commonName: subject.commonName,
    names: acceptedNames(extensions),
    publicKey,
    requested: requestedOf(extensions),
    attributes: oids,
    challengePassword,
  }
}

function readAcceptedKey(reader: DerReader): PublicKeyInfo {
  const { fault, ...key } = readKey(reader)
  if (fault !== undefined || key.size === undefined)
    throw refused(fault ?? `its key of type ${key.algorithm} is not accepted`)
  return key as PublicKeyInfo
}

function refused(fault: string): CertctlError {
  return new CertctlError('csr_rejected', `The CSR is refused: ${fault}`)
}

interface Attributes {
  oids: string[]
  extensions: Extensions
  challengePassword: string | undefined
}

// RFC 2986 §4.1 has them always, but some writers leave an empty set out, as OpenSSL accepts.
function readAttributes(reader: DerReader): Attributes {
  const found: Attributes = { oids: [], extensions: noExtensions(), challengePassword: undefined }
  if (reader.at === reader.end) return found
  const outer = enter(reader, 0xa0, 'the attributes')
  while (reader.at < reader.end) readAttribute(reader, found)
  leave(reader, outer, 'the attributes')
  return found
}

function readAttribute(reader: DerReader, found: Attributes): void {
  const outer = enter(reader, tags.sequence, 'an attribute')
  const oid = readOid(reader, 'an attribute')
  if (found.oids.length >= 64) throw malformed(reader, 'it has more than 64 attributes')
  if (found.oids.includes(oid)) throw malformed(reader, `the attribute ${extensionName(oid)} is there twice`)
  found.oids.push(oid)
  const values = enter(reader, tags.set, 'the values of an attribute')
  if (reader.at === reader.end) throw malformed(reader, `the attribute ${extensionName(oid)} has no value`)
  if (oid === extensionOids.extensionRequest) found.extensions = readRequest(reader)
  else if (oid === extensionOids.challengePassword) found.challengePassword = readText(reader, 'the challenge password')
  else while (reader.at < reader.end) walk(reader, 'an attribute')
  leave(reader, values, 'the values of an attribute')
  leave(reader, outer, 'an attribute')
}

function readRequest(reader: DerReader): Extensions {
  const extensions = readExtensions(reader)
  const [unknown] = extensions.unknownCritical
  if (unknown !== undefined)
    throw refused(`it asks for the critical extension ${extensionName(unknown)}, which is not offered here`)
  return extensions
}

function acceptedNames({ names, otherNames }: Extensions): GeneralName[] {
  const [other] = otherNames
  if (other !== undefined) throw refused(`it asks for a name of another kind than DNS, IP, e-mail and URI (${other})`)
  const seen = new Set<string>()
  return names
    .map(acceptedName)
    .filter(({ type, value }) => !seen.has(`${type}:${value}`) && seen.add(`${type}:${value}`))
}

function acceptedName(name: GeneralName): GeneralName {
  try {
    return canonicalGeneralName(name)
  } catch (cause) {
    if (!isCertctlError(cause)) throw cause
    throw new CertctlError('csr_rejected', `The CSR is refused: ${cause.message}`, { cause })
  }
}

function requestedOf({ extendedKeyUsages, keyUsages, mustStaple, isCa, present }: Extensions): Csr['requested'] {
  return { extendedKeyUsages, keyUsages, mustStaple, isCa, extensions: present }
}
