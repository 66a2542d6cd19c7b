import { hash } from 'node:crypto'
import type { Fingerprint, GeneralName, SerialNumber } from '@certctl/core'
import { readBitOctets, readInteger, readSmallInteger, tags } from './der/primitives.js'
import {
  byteAt,
  createReader,
  type DerReader,
  enter,
  leave,
  malformed,
  peekTag,
  readContent,
  readElement,
} from './der/reader.js'
import { readTime } from './der/time.js'
import { derOf, type ExpectedBlock } from './der-or-pem.js'
import { type DistinguishedName, type NameAttribute, readDistinguishedName } from './distinguished-name.js'
import { type Extensions, noExtensions, readExtensions } from './extensions/read-extensions.js'
import type { NameConstraints } from './extensions/read-name-constraints.js'
import { encodePem } from './pem.js'
import { type CertifiedKey, readCertifiedKey } from './public-key.js'
import { serialNumberOf } from './serial-number.js'
import { readSignatureAlgorithm, type SignatureScheme } from './signature-algorithm.js'

/** An X.509 certificate with everything the inventory keeps. It is read, not judged: expired, weak and odd ones come through. */
export interface Certificate {
  readonly der: Uint8Array
  readonly pem: string
  readonly version: 1 | 2 | 3
  /** A negative number, which RFC 5280 §4.1.2.2 asks readers to tolerate, has `-` in front. */
  readonly serialNumber: SerialNumber
  readonly subject: readonly NameAttribute[]
  /** RFC 4514, most specific part first. */
  readonly subjectText: string
  readonly issuer: readonly NameAttribute[]
  readonly issuerText: string
  /** Encoded names, for comparing with other certificates. */
  readonly subjectDer: Uint8Array
  readonly issuerDer: Uint8Array
  readonly isSelfIssued: boolean
  readonly commonName: string | undefined
  readonly issuerCommonName: string | undefined
  /** Subject alternative names; DNS names in lower case, otherwise as they stand. */
  readonly names: readonly GeneralName[]
  /** Alternative names of other kinds, as text. */
  readonly otherNames: readonly string[]
  readonly notBefore: Date
  readonly notAfter: Date
  readonly fingerprint: Fingerprint
  readonly spkiSha256: string
  readonly publicKey: CertifiedKey
  readonly signatureAlgorithm: string
  readonly isCa: boolean
  readonly pathLength: number | undefined
  readonly keyUsages: readonly string[]
  readonly extendedKeyUsages: readonly string[]
  /** Lower-case hex. */
  readonly subjectKeyIdentifier: string | undefined
  readonly authorityKeyIdentifier: string | undefined
  readonly mustStaple: boolean
  readonly crlUrls: readonly string[]
  readonly ocspUrls: readonly string[]
  readonly caIssuerUrls: readonly string[]
  readonly policies: readonly string[]
  /** What a CA may issue for (RFC 5280 §4.2.1.10); see `nameConstraintFault`. */
  readonly nameConstraints: NameConstraints | undefined
  /** Signed certificate timestamps are embedded (RFC 6962). */
  readonly hasTimestamps: boolean
  /** Every extension by object identifier, in order. */
  readonly extensions: readonly string[]
  readonly unknownCritical: readonly string[]
  /** TBSCertificate, the bytes that were signed. */
  readonly signedBytes: Uint8Array
  readonly signature: Uint8Array
  readonly signatureScheme: SignatureScheme | undefined
}

const block: ExpectedBlock = {
  labels: ['CERTIFICATE', 'X509 CERTIFICATE'],
  what: 'certificate',
  code: 'request_malformed',
  maxBytes: 262_144,
}

/** Reads one certificate, PEM or DER. Throws `too_large` above 256 KiB and `request_malformed` for what is not strict DER of RFC 5280. The bytes are not copied. */
export function parseCertificate(pemOrDer: string | Uint8Array): Certificate {
  return readCertificate(createReader(derOf(pemOrDer, block), block))
}

/** The same from a reader, whose steps can then be looked at. */
export function readCertificate(reader: DerReader): Certificate {
  const outer = enter(reader, tags.sequence, 'the certificate')
  const start = reader.at
  const body = readBody(reader)
  const signedBytes = reader.bytes.subarray(start, reader.at)
  const algorithmStart = reader.at
  const { name, scheme } = readSignatureAlgorithm(reader)
  // RFC 5280 §4.1.1.2: the same algorithm inside the signed part and outside.
  if (!body.algorithmDer.equals(reader.bytes.subarray(algorithmStart, reader.at)))
    throw malformed(reader, 'the signature algorithm outside differs from the one inside')
  const signature = readBitOctets(reader, 'the signature')
  leave(reader, outer, 'the certificate')
  if (reader.at !== reader.end) throw malformed(reader, `bytes follow its end: ${reader.end - reader.at}`)
  return assemble(reader.bytes, body, { name, scheme, signature, signedBytes })
}

interface Body {
  version: 1 | 2 | 3
  serialNumber: string
  algorithmDer: Buffer
  issuer: DistinguishedName
  notBefore: number
  notAfter: number
  subject: DistinguishedName
  publicKey: CertifiedKey
  extensions: Extensions
}

function readBody(reader: DerReader): Body {
  const outer = enter(reader, tags.sequence, 'the signed part')
  const version = readVersion(reader)
  const serialNumber = serialText(readInteger(reader, 'the serial number'))
  const algorithmDer = readElement(reader, tags.sequence, 'the signature algorithm')
  const issuer = readDistinguishedName(reader, 'the issuer')
  const { notBefore, notAfter } = readValidity(reader)
  const subject = readDistinguishedName(reader, 'the subject')
  const publicKey = readCertifiedKey(reader)
  readUniqueIds(reader, version)
  const extensions = readOptionalExtensions(reader, version)
  leave(reader, outer, 'the signed part')
  return { version, serialNumber, algorithmDer, issuer, notBefore, notAfter, subject, publicKey, extensions }
}

function readVersion(reader: DerReader): 1 | 2 | 3 {
  if (peekTag(reader) !== 0xa0) return 1
  const outer = enter(reader, 0xa0, 'the version')
  const version = readSmallInteger(reader, 'the version')
  leave(reader, outer, 'the version')
  if (version === 1) return 2
  if (version === 2) return 3
  throw malformed(
    reader,
    version === 0 ? 'version 1 is written out, which DER forbids' : `its version is ${version + 1}`,
  )
}

function serialText(content: Buffer): string {
  const first = byteAt(content, 0)
  if (first < 0x80) return serialNumberOf(content)
  const magnitude = (1n << BigInt(8 * content.length)) - BigInt(`0x${content.toString('hex')}`)
  return `-${magnitude.toString(16).padStart(2, '0')}`
}

function readValidity(reader: DerReader): { notBefore: number; notAfter: number } {
  const outer = enter(reader, tags.sequence, 'the validity')
  const notBefore = readTime(reader, 'notBefore')
  const notAfter = readTime(reader, 'notAfter')
  leave(reader, outer, 'the validity')
  return { notBefore, notAfter }
}

function readUniqueIds(reader: DerReader, version: number): void {
  for (const tag of [0x81, 0x82]) {
    if (peekTag(reader) !== tag) continue
    if (version === 1) throw malformed(reader, 'a version 1 certificate has a unique identifier')
    readContent(reader, tag, 'a unique identifier')
  }
}

function readOptionalExtensions(reader: DerReader, version: number): Extensions {
  if (peekTag(reader) !== 0xa3) return noExtensions()
  if (version !== 3) throw malformed(reader, `a version ${version} certificate has extensions`)
  const outer = enter(reader, 0xa3, 'the extensions')
  const extensions = readExtensions(reader)
  leave(reader, outer, 'the extensions')
  return extensions
}

interface Signed {
  name: string
  scheme: SignatureScheme | undefined
  signature: Uint8Array
  signedBytes: Uint8Array
}

function assemble(der: Buffer, body: Body, { name, scheme, signature, signedBytes }: Signed): Certificate {
  const { version, serialNumber, issuer, subject, publicKey, extensions: found } = body
  return {
    der,
    // Not a getter: making one costs twice what the text costs.
    pem: encodePem('CERTIFICATE', der),
    version,
    serialNumber,
    subject: subject.attributes,
    subjectText: subject.text,
    issuer: issuer.attributes,
    issuerText: issuer.text,
    subjectDer: subject.der,
    issuerDer: issuer.der,
    isSelfIssued: Buffer.compare(subject.der, issuer.der) === 0,
    commonName: subject.commonName,
    issuerCommonName: issuer.commonName,
    notBefore: new Date(body.notBefore),
    notAfter: new Date(body.notAfter),
    fingerprint: hash('sha256', der, 'hex'),
    spkiSha256: publicKey.spkiSha256,
    publicKey,
    signatureAlgorithm: name,
    names: found.names,
    otherNames: found.otherNames,
    isCa: found.isCa,
    pathLength: found.pathLength,
    keyUsages: found.keyUsages,
    extendedKeyUsages: found.extendedKeyUsages,
    subjectKeyIdentifier: found.subjectKeyIdentifier,
    authorityKeyIdentifier: found.authorityKeyIdentifier,
    mustStaple: found.mustStaple,
    crlUrls: found.crlUrls,
    ocspUrls: found.ocspUrls,
    caIssuerUrls: found.caIssuerUrls,
    policies: found.policies,
    nameConstraints: found.nameConstraints,
    hasTimestamps: found.hasTimestamps,
    extensions: found.present,
    unknownCritical: found.unknownCritical,
    signedBytes,
    signature,
    signatureScheme: scheme,
  }
}

/** SHA-256 over the DER of a certificate, lower-case hex. Looks at nothing inside. */
export function fingerprintOf(pemOrDer: string | Uint8Array): Fingerprint {
  return hash('sha256', derOf(pemOrDer, block), 'hex')
}
