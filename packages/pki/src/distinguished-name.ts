import { attributeTypes } from './attribute-types.js'
import { readOid } from './der/object-identifier.js'
import { tags } from './der/primitives.js'
import { type DerReader, enter, leave, malformed, peekTag } from './der/reader.js'
import { isTextTag, readText } from './der/strings.js'

/** One attribute of a distinguished name: a short name (`CN`, `O`, …) or an object identifier, and its text. */
export interface NameAttribute {
  readonly type: string
  readonly value: string
}

export interface DistinguishedName {
  /** As encoded, so that names can be compared and copied byte for byte. */
  readonly der: Uint8Array
  /** In the order of the encoding. */
  readonly attributes: readonly NameAttribute[]
  /** RFC 4514: most specific first, `CN=www,O=Example,C=DE`. */
  readonly text: string
  readonly commonName: string | undefined
}

/** Reads a Name (RFC 5280 §4.1.2.4). An empty one is allowed; whether it may be is for the caller. */
export function readDistinguishedName(reader: DerReader, name: string): DistinguishedName {
  const start = reader.at
  const outer = enter(reader, tags.sequence, name)
  const attributes: NameAttribute[] = []
  let text = ''
  while (reader.at < reader.end) {
    const one = readRelativeName(reader, name, attributes)
    text = text === '' ? one : `${one},${text}`
  }
  leave(reader, outer, name)
  return { der: reader.bytes.subarray(start, reader.at), attributes, text, commonName: commonNameOf(attributes) }
}

function readRelativeName(reader: DerReader, name: string, into: NameAttribute[]): string {
  const outer = enter(reader, tags.set, name)
  let text = ''
  while (reader.at < reader.end) {
    const one = readAttribute(reader, name, into)
    text = text === '' ? one : `${text}+${one}`
  }
  if (text === '') throw malformed(reader, `${name} has an empty part`)
  leave(reader, outer, name)
  return text
}

function readAttribute(reader: DerReader, name: string, into: NameAttribute[]): string {
  const outer = enter(reader, tags.sequence, name)
  const oid = readOid(reader, name)
  const isText = isTextTag(peekTag(reader))
  const value = readText(reader, name)
  leave(reader, outer, name)
  const type = attributeTypes[oid] ?? oid
  into.push({ type, value })
  return `${type}=${isText ? escapeValue(value) : value}`
}

const special = /[,+"\\<>;=]|^[ #]| $/

// RFC 4514 §2.4, and `=` as well, which readers of other systems trip over.
function escapeValue(value: string): string {
  if (!special.test(value)) return value
  return value.replace(/[,+"\\<>;=]|^[ #]| $/g, '\\$&')
}

/** The last one is the most specific. */
function commonNameOf(attributes: readonly NameAttribute[]): string | undefined {
  for (let index = attributes.length - 1; index >= 0; index--) {
    const attribute = attributes[index]
    if (attribute?.type === 'CN') return attribute.value
  }
  return undefined
}
