import { CertctlError, type ErrorCode } from '@certctl/core'

/**
 * A cursor over one DER structure. `at` is the next byte, `end` the limit nothing may cross.
 * Every element is checked against `end` before a byte of it is used, so a length can never reach outside its parent.
 */
export interface DerReader {
  readonly bytes: Buffer
  at: number
  end: number
  /** Headers read and content bytes looked at. Bounded by `budget`: a fixed number per input byte. */
  steps: number
  readonly budget: number
  readonly code: ErrorCode
  /** What is being read, for messages: `CSR`, `certificate`. */
  readonly what: string
}

/** Steps that any reading may take per input byte. The parsers stay far below; a fault in one ends here and not in a stalled server. */
export const stepsPerByte = 8

export interface ReaderOptions {
  code: ErrorCode
  what: string
  maxBytes: number
}

/** Starts reading at the first byte; throws `too_large` above `maxBytes`. The bytes are not copied. */
export function createReader(der: Uint8Array, { code, what, maxBytes }: ReaderOptions): DerReader {
  if (der.length > maxBytes) throw tooLarge(what, der.length, maxBytes)
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.length)
  return { bytes, at: 0, end: bytes.length, steps: 0, budget: bytes.length * stepsPerByte + 64, code, what }
}

export function tooLarge(what: string, size: number, maxBytes: number): CertctlError {
  return new CertctlError(
    'too_large',
    `The ${what} has ${size.toLocaleString('en')} bytes; at most ${maxBytes.toLocaleString('en')} are read`,
  )
}

/** The error for a structure that is not DER, or not what it claims to be. */
export function malformed(reader: DerReader, fault: string): CertctlError {
  return new CertctlError(reader.code, `The ${reader.what} cannot be read: ${fault} (near byte ${reader.at})`)
}

export function byteAt(bytes: Uint8Array, index: number): number {
  const value = bytes[index]
  if (value === undefined) throw new CertctlError('internal', `Byte ${index} lies outside a checked range`)
  return value
}

export function countSteps(reader: DerReader, count: number): void {
  reader.steps += count
  if (reader.steps > reader.budget) throw malformed(reader, 'it is nested or repeated beyond reason')
}

/** The tag of the next element, or -1 at the end of the enclosing one. */
export function peekTag(reader: DerReader): number {
  return reader.at < reader.end ? byteAt(reader.bytes, reader.at) : -1
}

/** Reads a header with this tag and moves to its content; returns where the content ends. */
export function readHeader(reader: DerReader, tag: number, name: string): number {
  const found = peekTag(reader)
  if (found !== tag) throw wrongTag(reader, found, name)
  return readLength(reader, name)
}

function wrongTag(reader: DerReader, found: number, name: string): CertctlError {
  if (found === -1) return malformed(reader, `${name} is missing`)
  return malformed(reader, `tag 0x${found.toString(16).padStart(2, '0')} stands where ${name} belongs`)
}

function readLength(reader: DerReader, name: string): number {
  countSteps(reader, 1)
  const { bytes, at, end } = reader
  if (end - at < 2) throw malformed(reader, `${name} is cut off`)
  const first = byteAt(bytes, at + 1)
  if (first < 0x80) return contentEnd(reader, at + 2, first, name)
  return readLongLength(reader, first & 0x7f, name)
}

// X.690 §10.1: the definite form, in the fewest octets. Three octets hold more than any limit of ours.
function readLongLength(reader: DerReader, octets: number, name: string): number {
  const { bytes, at, end } = reader
  if (octets === 0) throw malformed(reader, `${name} has an indefinite length, which is BER and not DER`)
  if (octets > 3) throw malformed(reader, `${name} claims a length of ${octets} octets`)
  if (end - at < 2 + octets) throw malformed(reader, `${name} is cut off`)
  let length = 0
  for (let index = 0; index < octets; index++) length = (length << 8) | byteAt(bytes, at + 2 + index)
  if (length < 0x80 || length >>> (8 * (octets - 1)) === 0)
    throw malformed(reader, `${name} has a length that is not in its shortest form, which is BER and not DER`)
  return contentEnd(reader, at + 2 + octets, length, name)
}

function contentEnd(reader: DerReader, start: number, length: number, name: string): number {
  if (length > reader.end - start) throw malformed(reader, `${name} is longer than what encloses it`)
  reader.at = start
  return start + length
}

/** Goes into an element; give the returned limit back to `leave`. */
export function enter(reader: DerReader, tag: number, name: string): number {
  const stop = readHeader(reader, tag, name)
  const outer = reader.end
  reader.end = stop
  return outer
}

/** Comes out of an element; refuses bytes that nobody read. */
export function leave(reader: DerReader, outer: number, name: string): void {
  if (reader.at !== reader.end) throw malformed(reader, `${name} has too many bytes: ${reader.end - reader.at}`)
  reader.end = outer
}

/** Passes over one element of any single-byte tag without looking inside. */
export function skip(reader: DerReader, name: string): void {
  const tag = peekTag(reader)
  if (tag === -1) throw malformed(reader, `${name} is missing`)
  if ((tag & 0x1f) === 0x1f)
    throw malformed(reader, `${name} has a tag of more than one byte, which X.509 does not use`)
  reader.at = readLength(reader, name)
}

const deepest = 32

/** Passes over one element and everything in it, so that BER is refused inside what nobody interprets, too. */
export function walk(reader: DerReader, name: string, depth = 0): void {
  if (depth > deepest) throw malformed(reader, `${name} is nested more than ${deepest} deep`)
  const tag = peekTag(reader)
  const start = reader.at
  skip(reader, name)
  if ((tag & 0x20) === 0) return
  const stop = reader.at
  const outer = reader.end
  reader.at = start
  reader.at = headerEnd(reader)
  reader.end = stop
  while (reader.at < stop) walk(reader, name, depth + 1)
  reader.end = outer
}

function headerEnd({ bytes, at }: DerReader): number {
  const first = byteAt(bytes, at + 1)
  return at + 2 + (first < 0x80 ? 0 : first & 0x7f)
}

/** One element with its header, as a view. */
export function readElement(reader: DerReader, tag: number, name: string): Buffer {
  const start = reader.at
  reader.at = readHeader(reader, tag, name)
  return reader.bytes.subarray(start, reader.at)
}

/** The content of one element, as a view. */
export function readContent(reader: DerReader, tag: number, name: string): Buffer {
  const stop = readHeader(reader, tag, name)
  const content = reader.bytes.subarray(reader.at, stop)
  reader.at = stop
  return content
}
