import { type Duplex, duplexPair } from 'node:stream'
import { createTestHost, type DnsWorld, type TestHost } from '@certctl/testing'
import { type Answer, encode } from 'dns-packet'
import { type ReadMessage, type ReadRecord, readMessage } from './read-message.js'
import { faultOf, signAnswer, tsigOf } from './server-signature.js'

export const keyConfig = {
  server: 'ns1.example.test',
  tsig_key_name: 'certctl-key',
  tsig_secret: 'c2VjcmV0IG9mIHRoZSBmYWtlIG5hbWUgc2VydmVyISE=',
}

/** What the fake does otherwise than it should. */
export interface ServerFaults {
  /** Its own clock is so far off. */
  clockSeconds?: number | undefined
  /** It knows the key under another name, or with another secret. */
  keyName?: string | undefined
  secret?: string | undefined
  /** It answers updates so. */
  rcode?: number | undefined
  /** Changes an answer before it is sent; `undefined`: hangs up instead. */
  tamper?: ((answer: Buffer, message: ReadMessage) => Buffer | undefined) | undefined
  /** When it has done what it was asked, it hangs up or says nothing. */
  afterUpdate?: 'hang up' | 'silence' | undefined
  /** Sends every byte by itself. */
  dribbles?: true | undefined
}

export interface FakeNameServer extends DnsWorld {
  readonly host: TestHost
  readonly faults: ServerFaults
  readonly asked: readonly ReadMessage[]
  /** Names that are aliases. */
  readonly aliases: Set<string>
  /** By name: one for all its values, as every server has it. */
  readonly ttls: Map<string, number>
}

type Zones = ReadonlyMap<string, Map<string, Buffer[]>>
type Reply = Buffer | 'hang up' | 'silence'
const updateOpcode = 5
const textType = 16

/**
 * A primary name server for two zones as BIND behaves (compared with 9.18.49 by running the same laws): authoritative only, TSIG with one
 * key, updates all or nothing. `delegated.example.test` is held elsewhere.
 */
export function fakeNameServer(faults: ServerFaults = {}): FakeNameServer {
  const zones: Zones = new Map(
    ['example.test', 'child.example.test'].map((name) => [name, new Map<string, Buffer[]>()]),
  )
  const aliases = new Set<string>()
  const ttls = new Map<string, number>()
  const asked: ReadMessage[] = []

  const answerTo = (bytes: Buffer): Reply => {
    const message = readMessage(bytes)
    asked.push(message)
    const now = Math.floor(host.now().getTime() / 1000) + (faults.clockSeconds ?? 0)
    const key = { name: faults.keyName ?? keyConfig.tsig_key_name, secret: faults.secret ?? keyConfig.tsig_secret }
    const tsig = tsigOf(message)
    const error = tsig === undefined ? 0 : faultOf(tsig, key, now)
    const isUpdate = message.opcode === updateOpcode
    const act = () =>
      isUpdate
        ? reply(message, faults.rcode ?? update({ zones, aliases, ttls }, message))
        : lookUp(message, { zones, aliases, ttls })
    const answer = error === 0 ? act() : reply(message, 9)
    const signed = tsig === undefined ? answer : signAnswer(answer, tsig, key, [error, now])
    if (isUpdate && faults.afterUpdate !== undefined) return faults.afterUpdate
    return faults.tamper === undefined ? signed : (faults.tamper(signed, message) ?? 'hang up')
  }

  const host = createTestHost({
    connect() {
      const [ours, theirs] = duplexPair()
      serve(theirs, faults, answerTo)
      return ours
    },
  })
  return {
    host,
    faults,
    asked,
    aliases,
    ttls,
    values: (name) => (zones.get(zoneFor(zones, name) ?? '')?.get(name) ?? []).map(textOf),
    plant(name, values) {
      const records = zones.get(zoneFor(zones, name) ?? '')
      records?.set(name, [...(records.get(name) ?? []), ...values.map(dataOf)])
    },
    names: () => [...zones.values()].flatMap((records) => [...records.keys()]),
    fail(how) {
      const failing: Partial<Record<typeof how, Partial<ServerFaults>>> = {
        unauthenticated: { keyName: 'another-key' },
        unavailable: { tamper: () => undefined },
        garbage: { tamper: (answer) => answer.subarray(0, 9) },
      }
      Object.assign(faults, failing[how])
      return failing[how] !== undefined
    },
  }
}

function serve(stream: Duplex, faults: ServerFaults, answerTo: (message: Buffer) => Reply): void {
  let rest = Buffer.alloc(0)
  stream.on('error', () => undefined)
  stream.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    if (rest.length < 2 || rest.length < rest.readUInt16BE(0) + 2) return
    const message = Buffer.from(rest.subarray(2, rest.readUInt16BE(0) + 2))
    rest = rest.subarray(rest.readUInt16BE(0) + 2)
    const answer = answerTo(message)
    if (answer === 'hang up') stream.end()
    if (typeof answer === 'string') return
    const framed = Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer])
    const pieces = faults.dribbles ? Array.from(framed, (byte) => Buffer.from([byte])) : [framed]
    for (const piece of pieces) stream.write(piece)
  })
}

function zoneFor(zones: Zones, name: string): string | undefined {
  const holding = [...zones.keys()].filter((zone) => name === zone || name.endsWith(`.${zone}`))
  return holding.toSorted((a, b) => b.length - a.length)[0]
}

function reply(message: ReadMessage, rcode: number, rest: { answers?: Answer[]; authorities?: Answer[] } = {}): Buffer {
  const flags = (message.opcode << 11) | 0x400
  const answer = encode({
    type: 'response',
    id: message.id,
    flags,
    questions: [{ type: 'SOA', name: message.name }],
    ...rest,
  })
  answer.writeUInt16BE((answer.readUInt16BE(2) & 0xfff0) | rcode, 2)
  return answer
}

interface Held {
  zones: Zones
  aliases: ReadonlySet<string>
  ttls: Map<string, number>
}

function lookUp(message: ReadMessage, { zones, aliases, ttls }: Held): Buffer {
  const { name } = message
  const zone = zoneFor(zones, name)
  if (zone === undefined) return reply(message, 5)
  const away = 'delegated.example.test'
  if (name === away || name.endsWith(`.${away}`))
    return reply(message, 0, { authorities: [{ type: 'NS', name: away, data: 'ns.elsewhere.test' }] })
  const times = { serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 }
  const soa: Answer = {
    type: 'SOA',
    name: zone,
    data: { mname: 'ns1.example.test', rname: 'root.example.test', ...times },
  }
  if (aliases.has(name)) {
    // Every alias leads to the other zone, whose SOA then says that nothing is there.
    const led: Answer = { type: 'CNAME', name, data: 'led-here.child.example.test' }
    return reply(message, 3, { answers: [led], authorities: [{ ...soa, name: 'child.example.test' }] })
  }
  const there = message.type === textType ? (zones.get(zone)?.get(name) ?? []) : []
  const texts = there.map((data): Answer => ({ type: 'TXT', name, ttl: ttls.get(name) ?? 300, data: stringsOf(data) }))
  if (texts.length > 0) return reply(message, 0, { answers: texts })
  if (name === zone) return reply(message, 0, { answers: [soa] })
  return reply(message, zones.get(zone)?.has(name) ? 0 : 3, { authorities: [soa] })
}

/** RFC 2136 §3: prerequisites, then the changes; the code of the answer. */
function update({ zones, aliases, ttls }: Held, { name: zone, sections }: ReadMessage): number {
  const records = zones.get(zone)
  const [prerequisites, changes, additional] = sections
  if (records === undefined) return 9
  if (additional.length === 0) return 5
  if (prerequisites.some(({ name, type, class: of }) => type === 5 && of === 254 && aliases.has(name))) return 7
  if (changes.some(({ name }) => zoneFor(zones, name) !== zone)) return 10
  for (const change of changes.filter(({ type, name }) => type === textType && !aliases.has(name))) {
    apply(records, change)
    if (change.class === 1) ttls.set(change.name, change.ttl)
  }
  return 0
}

function apply(records: Map<string, Buffer[]>, { name, class: of, data }: ReadRecord): void {
  const others = (records.get(name) ?? []).filter((other) => !other.equals(data))
  // Class IN adds; class NONE removes the one record with this very data.
  const left = of === 1 ? [...others, Buffer.from(data)] : others
  if (left.length === 0) records.delete(name)
  else records.set(name, left)
}

function textOf(data: Buffer): string {
  return stringsOf(data)
    .map((string) => string.toString('utf8'))
    .join('')
}

function stringsOf(data: Buffer): Buffer[] {
  const strings: Buffer[] = []
  for (let offset = 0; offset < data.length; offset += 1 + data.readUInt8(offset))
    strings.push(data.subarray(offset + 1, offset + 1 + data.readUInt8(offset)))
  return strings
}

function dataOf(value: string): Buffer {
  const strings = (value.match(/.{1,255}/g) ?? ['']).map((part) => Buffer.from(part))
  return Buffer.concat(strings.flatMap((part) => [Buffer.from([part.length]), part]))
}
