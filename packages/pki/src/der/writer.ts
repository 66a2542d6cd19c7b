import { CertctlError } from '@certctl/core'
import { encodeOidContent } from './oid-text.js'
import { tags } from './primitives.js'

/** One DER element around these contents. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = contents.length === 1 ? (contents[0] ?? new Uint8Array()) : Buffer.concat(contents)
  return Buffer.concat([Uint8Array.of(tag, ...lengthOctets(content.length)), content])
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length]
  const octets: number[] = []
  for (let left = length; left > 0; left >>>= 8) octets.unshift(left & 0xff)
  return [0x80 | octets.length, ...octets]
}

export function sequence(...contents: readonly Uint8Array[]): Uint8Array {
  return element(tags.sequence, ...contents)
}

/** X.690 §11.6: the elements of a SET OF in ascending order of their encodings. */
export function setOf(...contents: readonly Uint8Array[]): Uint8Array {
  return element(tags.set, ...contents.toSorted((a, b) => Buffer.compare(a, b)))
}

export function oid(text: string): Uint8Array {
  return element(tags.oid, encodeOidContent(text))
}

/** A non-negative INTEGER from its magnitude, shortened and given a sign octet where it needs one. */
export function unsignedInteger(magnitude: Uint8Array): Uint8Array {
  const first = magnitude.findIndex((octet) => octet !== 0)
  const short = first === -1 ? Uint8Array.of(0) : magnitude.subarray(first)
  return (short[0] ?? 0) >= 0x80 ? element(tags.integer, Uint8Array.of(0), short) : element(tags.integer, short)
}

export function smallInteger(value: number): Uint8Array {
  return unsignedInteger(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value))
}

export function boolean(value: boolean): Uint8Array {
  return element(tags.boolean, Uint8Array.of(value ? 0xff : 0))
}

export function octetString(content: Uint8Array): Uint8Array {
  return element(tags.octetString, content)
}

export function bitString(octets: Uint8Array): Uint8Array {
  return element(tags.bitString, Uint8Array.of(0), octets)
}

/** A named-bit list without trailing zero bits (X.690 §11.2.2). */
export function namedBits(bits: readonly number[]): Uint8Array {
  const last = Math.max(-1, ...bits)
  const octets = new Uint8Array(Math.ceil((last + 1) / 8))
  for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return element(tags.bitString, Uint8Array.of(last === -1 ? 0 : 7 - (last & 7)), octets)
}

/** Text that its string type can hold as single bytes; throws `request_malformed` for a character above 0x7f. */
export function asciiString(tag: number, text: string): Uint8Array {
  if (/[^\x20-\x7e]/.test(text))
    throw new CertctlError(
      'request_malformed',
      `${JSON.stringify(text.slice(0, 80))} holds a character that is not printable ASCII`,
    )
  return element(tag, Buffer.from(text, 'latin1'))
}

export function utf8String(text: string): Uint8Array {
  return element(tags.utf8String, Buffer.from(text, 'utf8'))
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
export function time(at: Date): Uint8Array {
  const text = at
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '')
  const year = at.getUTCFullYear()
  if (year < 1950 || year > 9999)
    throw new CertctlError('request_malformed', `The year ${year} cannot be written into a certificate`)
  return year < 2050 ? asciiString(tags.utcTime, text.slice(2)) : asciiString(tags.generalizedTime, text)
}
