import { hash } from 'node:crypto'
import { readOid } from './der/object-identifier.js'
import { readBitOctets, readNull, readPositiveInteger, tags } from './der/primitives.js'
import { byteAt, createReader, type DerReader, enter, leave, malformed, peekTag, walk } from './der/reader.js'
import { type Curve, curveOids, keyOids, otherCurveNames, otherKeyNames } from './key-oids.js'

/** A public key that may be certified. */
export interface PublicKeyInfo {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  /** SHA-256 of `spki`, lower-case hex. */
  readonly spkiSha256: string
  readonly algorithm: 'RSA' | 'EC' | 'Ed25519'
  /** Bits: of the modulus, of the curve, 256 for Ed25519. */
  readonly size: number
  readonly curve?: Curve | undefined
  /** RSA only. */
  readonly exponent?: bigint | undefined
}

/** The key of a certificate somebody else made: also of kinds we do not certify, then with their name or object identifier. */
export interface CertifiedKey extends Omit<PublicKeyInfo, 'algorithm' | 'size' | 'curve'> {
  readonly algorithm: string
  readonly size?: number | undefined
  /** A curve we know by name, else its object identifier; `explicit` for curve parameters in place of a name. */
  readonly curve?: string | undefined
}

/** What is known of a key beside its encoding; `fault` is why it cannot be certified. */
interface KeyShape {
  algorithm: string
  size?: number
  curve?: string
  exponent?: bigint
  fault?: string
}

/** Reads SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of any algorithm, strictly for those we know. */
export function readCertifiedKey(reader: DerReader): CertifiedKey {
  const { fault: _, ...key } = readKey(reader)
  return key
}

/** The same, with the sentence that says why this key cannot be certified. */
export function readKey(reader: DerReader): CertifiedKey & { fault?: string | undefined } {
  const start = reader.at
  const outer = enter(reader, tags.sequence, 'the public key')
  const shape = readShape(reader)
  leave(reader, outer, 'the public key')
  const spki = reader.bytes.subarray(start, reader.at)
  return { spki, spkiSha256: hash('sha256', spki, 'hex'), ...shape }
}

function readShape(reader: DerReader): KeyShape {
  const outer = enter(reader, tags.sequence, 'the key algorithm')
  const oid = readOid(reader, 'the key algorithm')
  if (oid === keyOids.rsa) return readRsa(reader, outer)
  if (oid === keyOids.ec) return readEc(reader, outer)
  if (oid === keyOids.ed25519) return readEd25519(reader, outer)
  while (reader.at < reader.end) walk(reader, 'the key parameters')
  leave(reader, outer, 'the key algorithm')
  readBitOctets(reader, 'the public key')
  const algorithm = otherKeyNames[oid] ?? oid
  return { algorithm, fault: `keys of type ${algorithm} are not certified; use RSA, P-256, P-384, P-521 or Ed25519` }
}

// RFC 3279 §2.3.1: the parameters are NULL.
function readRsa(reader: DerReader, outer: number): KeyShape {
  readNull(reader, 'the RSA parameters')
  leave(reader, outer, 'the key algorithm')
  const { stop, limit } = enterBits(reader)
  const inner = enter(reader, tags.sequence, 'the RSA key')
  const modulus = readPositiveInteger(reader, 'the RSA modulus')
  const exponent = readPositiveInteger(reader, 'the RSA exponent')
  leave(reader, inner, 'the RSA key')
  leaveBits(reader, stop, limit)
  const size = modulus.length * 8 - Math.clz32(byteAt(modulus, 0)) + 24
  const isOdd = (byteAt(modulus, modulus.length - 1) & 1) === 1
  const shape = { algorithm: 'RSA', size, exponent: bigIntOf(exponent) }
  return isOdd ? shape : { ...shape, fault: 'its RSA modulus is even' }
}

/** Goes into a BIT STRING that holds DER. */
function enterBits(reader: DerReader): { stop: number; limit: number } {
  const content = readBitOctets(reader, 'the public key')
  const stop = reader.at
  const limit = reader.end
  reader.at = stop - content.length
  reader.end = stop
  return { stop, limit }
}

function leaveBits(reader: DerReader, stop: number, limit: number): void {
  if (reader.at !== stop) throw malformed(reader, `the public key has too many bytes: ${stop - reader.at}`)
  reader.end = limit
}

function bigIntOf(magnitude: Buffer): bigint {
  return magnitude.length <= 6
    ? BigInt(magnitude.readUIntBE(0, magnitude.length))
    : BigInt(`0x${magnitude.toString('hex')}`)
}

function readEc(reader: DerReader, outer: number): KeyShape {
  if (peekTag(reader) !== tags.oid) return readUnnamedCurve(reader, outer)
  const oid = readOid(reader, 'the curve')
  leave(reader, outer, 'the key algorithm')
  const point = readBitOctets(reader, 'the public key')
  const curve = curveOids[oid]
  if (curve === undefined) {
    const name = otherCurveNames[oid] ?? oid
    return { algorithm: 'EC', curve: name, fault: `the curve ${name} is not accepted; use P-256, P-384 or P-521` }
  }
  const shape = { algorithm: 'EC', size: curve.bits, curve: curve.name }
  if (point.length === 1 + 2 * curve.octets && point[0] === 4) return shape
  return { ...shape, fault: 'its EC point is not in the uncompressed form (RFC 5480 §2.2)' }
}

// RFC 5480 §2.1.1: namedCurve is the only choice. Explicit parameters let a sender choose the generator (CVE-2020-0601).
function readUnnamedCurve(reader: DerReader, outer: number): KeyShape {
  const isExplicit = peekTag(reader) === tags.sequence
  while (reader.at < reader.end) walk(reader, 'the curve parameters')
  leave(reader, outer, 'the key algorithm')
  readBitOctets(reader, 'the public key')
  if (!isExplicit) return { algorithm: 'EC', fault: 'its EC key names no curve; use P-256, P-384 or P-521' }
  const fault = 'its EC key carries explicit curve parameters; name the curve instead: P-256, P-384 or P-521'
  return { algorithm: 'EC', curve: 'explicit', fault }
}

function readEd25519(reader: DerReader, outer: number): KeyShape {
  leave(reader, outer, 'the Ed25519 algorithm, which has no parameters,')
  const key = readBitOctets(reader, 'the public key')
  if (key.length !== 32) throw malformed(reader, `an Ed25519 key of ${key.length} bytes`)
  return { algorithm: 'Ed25519', size: 256 }
}

/** Reads one SubjectPublicKeyInfo on its own; throws `request_malformed`. */
export function parsePublicKey(spki: Uint8Array): CertifiedKey {
  const reader = createReader(spki, { code: 'request_malformed', what: 'public key', maxBytes: 16_384 })
  const key = readCertifiedKey(reader)
  if (reader.at !== reader.end) throw malformed(reader, 'bytes follow its end')
  return key
}
