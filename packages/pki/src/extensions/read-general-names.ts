import type { GeneralName } from '@certctl/core'
import { readOid } from '../der/object-identifier.js'
import { readAscii, tags } from '../der/primitives.js'
import { type DerReader, enter, leave, malformed, peekTag, readContent, walk } from '../der/reader.js'
import { readDistinguishedName } from '../distinguished-name.js'
import { ipFromOctets } from '../names/ip-address.js'

export interface GeneralNames {
  readonly names: GeneralName[]
  /** Kinds that are not hosts, mailboxes or URIs, as text: `otherName 1.3.6.1.4.1.311.20.2.3`, `directoryName CN=…`. */
  readonly others: string[]
}

/** Reads the GeneralName elements up to the reader's limit (RFC 5280 §4.2.1.6); DNS names come in lower case, otherwise as they are. */
export function readGeneralNames(reader: DerReader, into: GeneralNames): void {
  while (reader.at < reader.end) readGeneralName(reader, into)
}

function readGeneralName(reader: DerReader, { names, others }: GeneralNames): void {
  const tag = peekTag(reader)
  if (tag === 0x82) names.push({ type: 'dns', value: lowerCase(readAscii(reader, tag, 'a DNS name')) })
  else if (tag === 0x87) names.push({ type: 'ip', value: readAddress(reader) })
  else if (tag === 0x81) names.push({ type: 'email', value: readAscii(reader, tag, 'an e-mail name') })
  else if (tag === 0x86) names.push({ type: 'uri', value: readAscii(reader, tag, 'a URI') })
  else others.push(readOther(reader, tag))
}

const hasUpper = /[A-Z]/

function lowerCase(text: string): string {
  return hasUpper.test(text) ? text.toLowerCase() : text
}

function readAddress(reader: DerReader): string {
  const octets = readContent(reader, 0x87, 'an IP address')
  const address = ipFromOctets(octets)
  if (address === undefined) throw malformed(reader, `an IP address of ${octets.length} bytes`)
  return address
}

const otherKinds: Readonly<Record<number, string>> = { 163: 'x400Address', 165: 'ediPartyName' }

function readOther(reader: DerReader, tag: number): string {
  if (tag === 0xa0) return readOtherName(reader)
  if (tag === 0xa4) return readDirectoryName(reader)
  if (tag === 0x88) return `registeredID ${readContent(reader, tag, 'a registered identifier').toString('hex')}`
  const kind = otherKinds[tag]
  if (kind === undefined) throw malformed(reader, `tag 0x${tag.toString(16)} stands where a general name belongs`)
  walk(reader, kind)
  return kind
}

function readOtherName(reader: DerReader): string {
  const outer = enter(reader, 0xa0, 'an otherName')
  const oid = readOid(reader, 'an otherName')
  const inner = enter(reader, 0xa0, 'the value of an otherName')
  walk(reader, 'the value of an otherName')
  leave(reader, inner, 'the value of an otherName')
  leave(reader, outer, 'an otherName')
  return `otherName ${oid}`
}

function readDirectoryName(reader: DerReader): string {
  const outer = enter(reader, 0xa4, 'a directoryName')
  const { text } = readDistinguishedName(reader, 'a directoryName')
  leave(reader, outer, 'a directoryName')
  return `directoryName ${text}`
}

/** GeneralNames: at least one (RFC 5280 §4.2.1.6). */
export function readGeneralNamesSequence(reader: DerReader, into: GeneralNames): void {
  const outer = enter(reader, tags.sequence, 'the general names')
  if (reader.at === reader.end) throw malformed(reader, 'a list of general names is empty')
  readGeneralNames(reader, into)
  leave(reader, outer, 'the general names')
}
