import { readAscii, tags } from '../der/primitives.js'
import { type DerReader, enter, leave, malformed, peekTag, readContent, walk } from '../der/reader.js'
import { type NameAttribute, readDistinguishedName } from '../distinguished-name.js'

/** One subtree of names (RFC 5280 §4.2.1.10). `other` stands for kinds that no certificate of ours carries. */
export type Subtree =
  | { type: 'dns' | 'email' | 'uri'; value: string }
  | { type: 'ip'; address: Uint8Array; mask: Uint8Array }
  | { type: 'directory'; attributes: readonly NameAttribute[] }
  | { type: 'other' }

export interface NameConstraints {
  permitted: Subtree[]
  excluded: Subtree[]
}

export function readNameConstraints(reader: DerReader): NameConstraints {
  const found: NameConstraints = { permitted: [], excluded: [] }
  const outer = enter(reader, tags.sequence, 'the name constraints')
  readSubtrees(reader, 0xa0, found.permitted)
  readSubtrees(reader, 0xa1, found.excluded)
  leave(reader, outer, 'the name constraints')
  return found
}

function readSubtrees(reader: DerReader, tag: number, into: Subtree[]): void {
  if (peekTag(reader) !== tag) return
  const outer = enter(reader, tag, 'the name constraints')
  while (reader.at < reader.end) into.push(readSubtree(reader))
  leave(reader, outer, 'the name constraints')
}

// RFC 5280 §4.2.1.10: minimum is 0 and maximum absent; others change the meaning and are refused.
function readSubtree(reader: DerReader): Subtree {
  const outer = enter(reader, tags.sequence, 'a name constraint')
  const subtree = readBase(reader)
  leave(reader, outer, 'a name constraint with a minimum or maximum')
  return subtree
}

function readBase(reader: DerReader): Subtree {
  const tag = peekTag(reader)
  if (tag === 0x82) return { type: 'dns', value: readAscii(reader, tag, 'a DNS constraint').toLowerCase() }
  if (tag === 0x81) return { type: 'email', value: readAscii(reader, tag, 'an e-mail constraint') }
  if (tag === 0x86) return { type: 'uri', value: readAscii(reader, tag, 'a URI constraint').toLowerCase() }
  if (tag === 0x87) return readRange(reader)
  if (tag === 0xa4) return readDirectory(reader)
  walk(reader, 'a name constraint')
  return { type: 'other' }
}

function readRange(reader: DerReader): Subtree {
  const octets = readContent(reader, 0x87, 'an address constraint')
  if (octets.length !== 8 && octets.length !== 32)
    throw malformed(reader, `an address constraint of ${octets.length} bytes`)
  const half = octets.length / 2
  return { type: 'ip', address: octets.subarray(0, half), mask: octets.subarray(half) }
}

function readDirectory(reader: DerReader): Subtree {
  const outer = enter(reader, 0xa4, 'a directory constraint')
  const { attributes } = readDistinguishedName(reader, 'a directory constraint')
  leave(reader, outer, 'a directory constraint')
  return { type: 'directory', attributes }
}
