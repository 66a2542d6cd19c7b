import { CertctlError } from '@certctl/core'

/** Numbers of RFC 1035 §3.2, RFC 2136 §2 and RFC 8945 §4.2. */
export const types = { CNAME: 5, SOA: 6, TXT: 16, TSIG: 250 } as const
export const classes = { IN: 1, NONE: 254, ANY: 255 } as const
export const opcodes = { query: 0, update: 5 } as const

export interface WireRecord {
  name: string
  type: number
  class: number
  ttl: number
  data: Uint8Array
}

export interface WireMessage {
  id: number
  opcode: number
  /** The question of a query; the zone of an update. */
  name: string
  type: number
  /** Of an update: what must hold, and what is to be changed. */
  prerequisites?: readonly WireRecord[] | undefined
  updates?: readonly WireRecord[] | undefined
}

/** RFC 1035 §4.1 without compression, which RFC 8945 wants for names that are signed. */
export function encodeMessage({ id, opcode, name, type, prerequisites = [], updates = [] }: WireMessage): Buffer {
  const header = Buffer.alloc(12)
  const counts = [1, prerequisites.length, updates.length, 0]
  const words = [id, opcode << 11, ...counts]
  for (const [index, word] of words.entries()) header.writeUInt16BE(word, 2 * index)
  const question = [encodeName(name), uint16(type), uint16(classes.IN)]
  return Buffer.concat([header, ...question, ...[...prerequisites, ...updates].map(encodeRecord)])
}

export function encodeRecord(record: WireRecord): Buffer {
  const ttl = Buffer.alloc(4)
  ttl.writeUInt32BE(record.ttl)
  const fixed = [uint16(record.type), uint16(record.class), ttl, uint16(record.data.length)]
  return Buffer.concat([encodeName(record.name), ...fixed, record.data])
}

/** In lower case, as RFC 8945 §4.3.3 signs names; DNS compares them so anyway. */
export function encodeName(name: string): Buffer {
  const labels = plainName(name)
    .split('.')
    .filter((label, _, all) => label !== '' || all.length > 1)
    .map((label) => Buffer.from(label, 'latin1'))
  const length = labels.reduce((sum, label) => sum + label.length + 1, 1)
  if (length > 255 || labels.some((label) => label.length === 0 || label.length > 63))
    throw new CertctlError('identifier_rejected', `${JSON.stringify(name)} is not a DNS name`)
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])])
}

/** Lower case, no final dot; the root is empty. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** A value as character strings of at most 255 bytes (RFC 1035 §3.3.14): split the same way for adding and removing. */
export function encodeText(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  const starts = Array.from({ length: Math.max(1, Math.ceil(bytes.length / 255)) }, (_, index) => index * 255)
  return Buffer.concat(
    starts.flatMap((start) => {
      const string = bytes.subarray(start, start + 255)
      return [Buffer.from([string.length]), string]
    }),
  )
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

/** Where the last record of a message begins; throws RangeError where the message ends before. */
export function startOfLastRecord(message: Buffer): number {
  const count = (index: number) => message.readUInt16BE(4 + 2 * index)
  let offset = 12
  for (let question = 0; question < count(0); question += 1) offset = afterName(message, offset) + 4
  let start = offset
  for (let record = 0; record < count(1) + count(2) + count(3); record += 1) {
    start = offset
    const fixed = afterName(message, offset)
    offset = fixed + 10 + message.readUInt16BE(fixed + 8)
  }
  return start
}

/** The offset behind a name, which ends with the root or with a pointer. */
export function afterName(message: Buffer, start: number): number {
  let offset = start
  for (;;) {
    const length = message.readUInt8(offset)
    if (length >= 0xc0) return offset + 2
    offset += 1 + length
    if (length === 0) return offset
  }
}
