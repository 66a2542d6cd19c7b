import { tags } from './primitives.js'
import { byteAt, countSteps, type DerReader, malformed, peekTag, readHeader, walk } from './reader.js'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Text of any directory string type. A value that is not text comes back as `#` and the hex of its DER (RFC 4514 §2.4).
 * A NUL is refused: no database keeps one, and it has been used to cut names short.
 */
export function readText(reader: DerReader, name: string): string {
  const tag = peekTag(reader)
  if (!isTextTag(tag)) return readHex(reader, name)
  const stop = readHeader(reader, tag, name)
  const { at, bytes } = reader
  countSteps(reader, stop - at)
  reader.at = stop
  if (isPlainAscii(bytes, at, stop) && tag < tags.universalString) return bytes.toString('latin1', at, stop)
  return checked(reader, decode(reader, tag, bytes.subarray(at, stop), name), name)
}

/** Whether an element of this tag holds text. */
export function isTextTag(tag: number): boolean {
  return textTags.has(tag)
}

const textTags = new Set<number>([
  tags.utf8String,
  0x12, // NumericString
  tags.printableString,
  tags.teletexString,
  tags.ia5String,
  tags.visibleString,
  tags.universalString,
  tags.bmpString,
])

function readHex(reader: DerReader, name: string): string {
  const start = reader.at
  walk(reader, name)
  return `#${reader.bytes.toString('hex', start, reader.at)}`
}

function isPlainAscii(bytes: Uint8Array, from: number, to: number): boolean {
  for (let index = from; index < to; index++) {
    const byte = byteAt(bytes, index)
    if (byte < 0x20 || byte > 0x7e) return false
  }
  return true
}

function decode(reader: DerReader, tag: number, content: Buffer, name: string): string {
  if (tag === tags.utf8String) return decodeUtf8(reader, content, name)
  if (tag === tags.bmpString) return decodeWide(reader, content, 2, name)
  if (tag === tags.universalString) return decodeWide(reader, content, 4, name)
  if (tag === tags.teletexString) return content.toString('latin1')
  if (content.some((byte) => byte > 0x7f))
    throw malformed(reader, `${name} holds bytes that its string type does not have`)
  return content.toString('latin1')
}

function decodeUtf8(reader: DerReader, content: Buffer, name: string): string {
  try {
    return utf8.decode(content)
  } catch {
    throw malformed(reader, `${name} is not valid UTF-8`)
  }
}

function decodeWide(reader: DerReader, content: Buffer, width: 2 | 4, name: string): string {
  if (content.length % width !== 0) throw malformed(reader, `${name} ends within a character`)
  let text = ''
  for (let at = 0; at < content.length; at += width) {
    const point = width === 2 ? content.readUInt16BE(at) : content.readUInt32BE(at)
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
      throw malformed(reader, `${name} holds no character at ${at}`)
    text += String.fromCodePoint(point)
  }
  return text
}

function checked(reader: DerReader, text: string, name: string): string {
  if (text.includes('\0')) throw malformed(reader, `${name} holds a NUL character`)
  return text
}
