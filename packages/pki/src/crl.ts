import { createPublicKey } from 'node:crypto'
import type { SerialNumber } from '@certctl/core'
import type { Certificate } from './certificate.js'
import { readBitOctets, readPositiveInteger, readSmallInteger, tags } from './der/primitives.js'
import { createReader, type DerReader, enter, leave, malformed, peekTag, readElement, walk } from './der/reader.js'
import { readTime } from './der/time.js'
import { derOf, type ExpectedBlock } from './der-or-pem.js'
import { readDistinguishedName } from './distinguished-name.js'
import { isSignedBy } from './proof-of-possession.js'
import { serialNumberOf } from './serial-number.js'
import { readSignatureAlgorithm, type SignatureScheme } from './signature-algorithm.js'

/** A certificate revocation list (RFC 5280 §5), read and not judged. */
export interface Crl {
  readonly der: Uint8Array
  readonly issuerText: string
  readonly issuerDer: Uint8Array
  readonly thisUpdate: Date
  readonly nextUpdate: Date | undefined
  /** Of every entry, in order. */
  readonly serialNumbers: readonly SerialNumber[]
  /** TBSCertList, the bytes that were signed. */
  readonly signedBytes: Uint8Array
  readonly signature: Uint8Array
  readonly signatureScheme: SignatureScheme | undefined
}

const block: ExpectedBlock = { labels: ['X509 CRL'], what: 'CRL', code: 'request_malformed', maxBytes: 16_777_215 }

/** Reads one CRL, PEM or DER. Throws `too_large` from 16 MiB on and `request_malformed` for what is not strict DER of RFC 5280. */
export function parseCrl(pemOrDer: string | Uint8Array): Crl {
  const reader = createReader(derOf(pemOrDer, block), block)
  const outer = enter(reader, tags.sequence, 'the CRL')
  const start = reader.at
  const { algorithmDer, ...body } = readBody(reader)
  const signedBytes = reader.bytes.subarray(start, reader.at)
  const algorithmStart = reader.at
  const { scheme } = readSignatureAlgorithm(reader)
  // RFC 5280 §5.1.1.2: the same algorithm inside the signed part and outside.
  if (!algorithmDer.equals(reader.bytes.subarray(algorithmStart, reader.at)))
    throw malformed(reader, 'the signature algorithm outside differs from the one inside')
  const signature = readBitOctets(reader, 'the signature')
  leave(reader, outer, 'the CRL')
  if (reader.at !== reader.end) throw malformed(reader, `bytes follow its end: ${reader.end - reader.at}`)
  return { der: reader.bytes, ...body, signedBytes, signature, signatureScheme: scheme }
}

/** Whether this CA signed the CRL: of its name, allowed to by its key usages, and the signature holds. Validity is not asked. */
export function isCrlOf(crl: Crl, issuer: Certificate): boolean {
  if (Buffer.compare(crl.issuerDer, issuer.subjectDer) !== 0 || crl.signatureScheme === undefined) return false
  if (issuer.keyUsages.length > 0 && !issuer.keyUsages.includes('cRLSign')) return false
  try {
    const key = createPublicKey({ key: Buffer.from(issuer.publicKey.spki), format: 'der', type: 'spki' })
    return isSignedBy(crl, key, crl.signatureScheme)
  } catch {
    // A key or signature that OpenSSL cannot read has verified nothing.
    return false
  }
}

function readBody(reader: DerReader) {
  const outer = enter(reader, tags.sequence, 'the signed part')
  if (peekTag(reader) === tags.integer && readSmallInteger(reader, 'the version') !== 1)
    throw malformed(reader, 'its version is not 2')
  const algorithmDer = readElement(reader, tags.sequence, 'the signature algorithm')
  const issuer = readDistinguishedName(reader, 'the issuer')
  const thisUpdate = new Date(readTime(reader, 'thisUpdate'))
  const nextUpdate = isTime(reader) ? new Date(readTime(reader, 'nextUpdate')) : undefined
  const serialNumbers = peekTag(reader) === tags.sequence ? readEntries(reader) : []
  if (peekTag(reader) === 0xa0) walk(reader, 'the extensions')
  leave(reader, outer, 'the signed part')
  return { algorithmDer, issuerText: issuer.text, issuerDer: issuer.der, thisUpdate, nextUpdate, serialNumbers }
}

function isTime(reader: DerReader): boolean {
  return [tags.utcTime, tags.generalizedTime].some((tag) => tag === peekTag(reader))
}

function readEntries(reader: DerReader): SerialNumber[] {
  const serialNumbers: SerialNumber[] = []
  const outer = enter(reader, tags.sequence, 'the list of revoked certificates')
  // RFC 5280 §5.1.2.6: without entries the list must be left out.
  if (reader.at === reader.end) throw malformed(reader, 'the list of revoked certificates is empty')
  while (reader.at < reader.end) {
    const entry = enter(reader, tags.sequence, 'an entry')
    serialNumbers.push(serialNumberOf(readPositiveInteger(reader, 'a serial number')))
    readTime(reader, 'the time of a revocation')
    if (reader.at < reader.end) walk(reader, 'the extensions of an entry')
    leave(reader, entry, 'an entry')
  }
  leave(reader, outer, 'the list of revoked certificates')
  return serialNumbers
}
