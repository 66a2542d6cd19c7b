import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import packet, { type Answer, type DecodedPacket, type Packet, type Question } from 'dns-packet'

export interface TestZone {
  /** `''` is the root. */
  name: string
  records: Answer[]
}

/** What a server does to a question; `undefined`: what is right. */
export type Mood = (
  question: Question,
  query: DecodedPacket,
) => 'silent' | { rcode: number } | { answers: Answer[] } | undefined

export interface NameServerOptions {
  address: string
  /** Read anew at each question. */
  zones: readonly TestZone[]
  mood?: Mood | undefined
  /** Whether it looks through the zones of all, as a resolver would. */
  isRecursive?: boolean | undefined
}

export interface NameServer {
  options: NameServerOptions
  /** Questions heard, as `name type`, with `tcp` in front where they came that way. */
  heard: string[]
  close(): Promise<void>
}

const refused = 5
const noSuchName = 3
/** Longer answers are cut off over UDP. */
const datagramBytes = 1232

/** A small name server on one address, over UDP and TCP: authoritative for its zones, with referrals, glue and NXDOMAIN as they should be. */
export async function startNameServer(options: NameServerOptions, port: number): Promise<NameServer> {
  const heard: string[] = []
  /** By port and id: what is sent again, since its answer was late on a slow machine, is no other question. */
  const sent = new Set<string>()
  const udp = createSocket('udp4')
  udp.on('message', (bytes, from) => {
    const answer = answerOf(bytes, options, (line) => {
      const key = `${from.port} ${bytes.readUInt16BE(0)}`
      if (!sent.has(key)) heard.push(line)
      sent.add(key)
    })
    if (answer === undefined) return
    const whole = packet.encode(answer)
    const cut = { ...answer, flags: (answer.flags ?? 0) | packet.TRUNCATED_RESPONSE, answers: [], additionals: [] }
    udp.send(whole.length > datagramBytes ? packet.encode(cut) : whole, from.port, from.address)
  })
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (bytes) => {
      const answer = answerOf(Buffer.from(bytes).subarray(2), options, (line) => heard.push(`tcp ${line}`))
      if (answer === undefined) return socket.destroy()
      socket.end(packet.streamEncode(answer))
    })
  })
  udp.bind(port, options.address)
  await once(udp, 'listening')
  try {
    tcp.listen(port, options.address)
    await once(tcp, 'listening')
  } catch (error) {
    udp.close()
    throw error
  }
  return { options, heard, close: async () => await closeBoth(udp, tcp) }
}

async function closeBoth(udp: Socket, tcp: Server): Promise<void> {
  udp.close()
  tcp.close()
  await Promise.all([once(udp, 'close'), once(tcp, 'close')])
}

function answerOf(bytes: Buffer, options: NameServerOptions, hear: (line: string) => void): Packet | undefined {
  const query = packet.decode(bytes)
  const [question] = query.questions ?? []
  if (question === undefined) return undefined
  hear(`${question.name} ${question.type}`)
  const head = { type: 'response' as const, id: query.id, questions: [question] }
  const moody = options.mood?.(question, query)
  if (moody === 'silent') return undefined
  if (moody !== undefined && 'rcode' in moody) return { ...head, flags: moody.rcode }
  if (moody !== undefined) return { ...head, flags: packet.AUTHORITATIVE_ANSWER, answers: moody.answers }
  const name = question.name.toLowerCase().replace(/^\.$/, '')
  return {
    ...head,
    ...(options.isRecursive === true
      ? recursive(options.zones, name, question.type)
      : own(options.zones, name, question.type)),
  }
}

const isIn = (name: string, zone: string) => zone === '' || name === zone || name.endsWith(`.${zone}`)

function own(zones: readonly TestZone[], name: string, type: string): Partial<Packet> {
  const holding = zones.filter((zone) => isIn(name, zone.name)).toSorted((a, b) => b.name.length - a.name.length)
  // The record of delegation (DS) is the parent's.
  const zone = type === 'DS' && holding[0]?.name === name ? holding[1] : holding[0]
  if (zone === undefined) return { flags: refused }
  const cut = zone.records.find(
    (record) => record.type === 'NS' && record.name !== zone.name && isIn(name, record.name),
  )
  if (cut !== undefined && !(type === 'DS' && name === cut.name)) return referral(zone, cut.name)
  const here = zone.records.filter((record) => record.name === name)
  const answers = here.filter((record) => record.type === type || record.type === 'CNAME')
  if (answers.length > 0) return { flags: packet.AUTHORITATIVE_ANSWER, answers, additionals: glueFor(zone, answers) }
  const soa = zone.records.filter((record) => record.type === 'SOA')
  const isThere = zone.records.some((record) => isIn(record.name, name))
  return { flags: packet.AUTHORITATIVE_ANSWER | (isThere ? 0 : noSuchName), authorities: soa }
}

function referral(zone: TestZone, cut: string): Partial<Packet> {
  const authorities = zone.records.filter((record) => record.type === 'NS' && record.name === cut)
  return { flags: 0, authorities, additionals: glueFor(zone, authorities) }
}

function glueFor(zone: TestZone, servers: readonly Answer[]): Answer[] {
  const hosts = servers.flatMap((record) => (record.type === 'NS' ? [record.data] : []))
  return zone.records.filter((record) => ['A', 'AAAA'].includes(record.type) && hosts.includes(record.name))
}

/** Follows aliases through all zones. */
function recursive(zones: readonly TestZone[], name: string, type: string): Partial<Packet> {
  const answers: Answer[] = []
  let current = name
  for (let step = 0; step < 12; step += 1) {
    const reply = own(zones, current, type)
    const found = (reply.answers ?? []).filter((record) => [type, 'CNAME'].includes(record.type))
    answers.push(...found)
    const alias = found.find((record) => record.type === 'CNAME')
    const isEnd = alias?.type !== 'CNAME' || found.some((record) => record.type === type)
    if (isEnd)
      return {
        flags: packet.RECURSION_AVAILABLE | ((reply.flags ?? 0) & 0xf),
        answers,
        authorities: reply.authorities ?? [],
      }
    current = alias.data
  }
  return { flags: packet.RECURSION_AVAILABLE | 2 }
}
