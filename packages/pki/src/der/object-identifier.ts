import { knownOids } from './known-oids.js'
import { encodeOidContent } from './oid-text.js'
import { tags } from './primitives.js'
import { byteAt, countSteps, type DerReader, malformed, readHeader } from './reader.js'

interface Known {
  content: Uint8Array
  text: string
}

/** Known identifiers by a hash of their octets: reading one of them makes no new string. */
const byHash = new Map<number, Known>()
for (const text of knownOids) {
  const content = encodeOidContent(text)
  byHash.set(hashOf(content, 0, content.length), { content, text })
}

/** An OBJECT IDENTIFIER in dotted decimal. Each arc is in its shortest form. */
export function readOid(reader: DerReader, name: string): string {
  const stop = readHeader(reader, tags.oid, name)
  const { bytes, at } = reader
  countSteps(reader, stop - at)
  const known = byHash.get(hashOf(bytes, at, stop))
  reader.at = stop
  if (known !== undefined && isSame(known.content, bytes, at, stop)) return known.text
  return decodeOid(reader, bytes.subarray(at, stop), name)
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0
  for (let index = from; index < to; index++) hash = (Math.imul(hash, 31) + byteAt(bytes, index)) | 0
  return hash
}

function isSame(content: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (content.length !== to - from) return false
  for (let index = 0; index < content.length; index++) {
    if (content[index] !== bytes[from + index]) return false
  }
  return true
}

const longest = 64

function decodeOid(reader: DerReader, content: Uint8Array, name: string): string {
  if (content.length === 0 || content.length > longest)
    throw malformed(reader, `${name} is an object identifier of ${content.length} octets`)
  const arcs: bigint[] = []
  let arc = 0n
  let isFirstOctet = true
  for (const octet of content) {
    if (isFirstOctet && octet === 0x80) throw malformed(reader, `${name} has a padded object identifier`)
    arc = (arc << 7n) | BigInt(octet & 0x7f)
    isFirstOctet = (octet & 0x80) === 0
    if (isFirstOctet) {
      arcs.push(arc)
      arc = 0n
    }
  }
  if (!isFirstOctet) throw malformed(reader, `${name} has an object identifier that is cut off`)
  return dotted(arcs)
}

function dotted([first = 0n, ...rest]: readonly bigint[]): string {
  const root = first < 40n ? 0n : first < 80n ? 1n : 2n
  return [root, first - root * 40n, ...rest].join('.')
}
