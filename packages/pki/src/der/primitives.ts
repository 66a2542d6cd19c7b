import { byteAt, countSteps, type DerReader, malformed, readContent, readHeader } from './reader.js'

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** X.690 §11.1: TRUE is 0xff and nothing else. */
export function readBoolean(reader: DerReader, name: string): boolean {
  const stop = readHeader(reader, tags.boolean, name)
  const value = stop - reader.at === 1 ? byteAt(reader.bytes, reader.at) : -1
  if (value !== 0 && value !== 0xff) throw malformed(reader, `${name} is not a DER BOOLEAN`)
  reader.at = stop
  return value === 0xff
}

/** The two's-complement content of an INTEGER in its shortest form (X.690 §8.3.2). */
export function readInteger(reader: DerReader, name: string): Buffer {
  const content = readContent(reader, tags.integer, name)
  if (content.length === 0) throw malformed(reader, `${name} is an INTEGER without content`)
  if (content.length > 1) {
    const first = byteAt(content, 0)
    const second = byteAt(content, 1)
    if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
      throw malformed(reader, `${name} is an INTEGER that is not in its shortest form, which is BER and not DER`)
  }
  return content
}

/** A non-negative INTEGER below 2^31. */
export function readSmallInteger(reader: DerReader, name: string): number {
  const content = readInteger(reader, name)
  if (content.length > 4 || byteAt(content, 0) >= 0x80) throw malformed(reader, `${name} is negative or far too large`)
  let value = 0
  for (const byte of content) value = (value << 8) | byte
  return value
}

/** The magnitude of a positive INTEGER, without the sign octet. */
export function readPositiveInteger(reader: DerReader, name: string): Buffer {
  const content = readInteger(reader, name)
  const first = byteAt(content, 0)
  if (first >= 0x80 || (first === 0 && content.length === 1)) throw malformed(reader, `${name} is not positive`)
  return first === 0 ? content.subarray(1) : content
}

/** The octets of a BIT STRING that is a whole number of them. */
export function readBitOctets(reader: DerReader, name: string): Buffer {
  const content = readContent(reader, tags.bitString, name)
  if (content.length === 0 || byteAt(content, 0) !== 0)
    throw malformed(reader, `${name} is not a whole number of octets`)
  return content.subarray(1)
}

/** Bit numbers that are set, of a named-bit list of at most sixteen bits. Unused bits must be zero (X.690 §11.2.1). */
export function readNamedBits(reader: DerReader, name: string): number[] {
  const content = readContent(reader, tags.bitString, name)
  const unused = content.length === 0 ? 8 : byteAt(content, 0)
  if (unused > 7 || content.length > 3 || (content.length === 1 && unused !== 0))
    throw malformed(reader, `${name} is not a list of bits`)
  const set: number[] = []
  for (let bit = 0; bit < (content.length - 1) * 8; bit++) {
    if ((byteAt(content, 1 + (bit >> 3)) & (0x80 >> (bit & 7))) !== 0) set.push(bit)
  }
  const last = set.at(-1) ?? -1
  if (last >= (content.length - 1) * 8 - unused) throw malformed(reader, `${name} has unused bits that are set`)
  return set
}

export function readNull(reader: DerReader, name: string): void {
  const stop = readHeader(reader, tags.null, name)
  if (stop !== reader.at) throw malformed(reader, `${name} is a NULL with content`)
}

/** ASCII text of one element: printable characters only, so that no name hides a NUL or a line break. */
export function readAscii(reader: DerReader, tag: number, name: string): string {
  const stop = readHeader(reader, tag, name)
  const { bytes, at } = reader
  countSteps(reader, stop - at)
  for (let index = at; index < stop; index++) {
    const byte = byteAt(bytes, index)
    if (byte < 0x20 || byte > 0x7e)
      throw malformed(reader, `${name} holds the byte 0x${byte.toString(16).padStart(2, '0')}`)
  }
  reader.at = stop
  return bytes.toString('latin1', at, stop)
}
