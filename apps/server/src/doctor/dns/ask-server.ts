import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, isIPv6 } from 'node:net'
import { messageOf } from '@certctl/core'
import { type AddressPolicy, resolveAllowed, timeLimit } from '@certctl/kit'
import packet, { type DecodedPacket, type Packet } from 'dns-packet'
import { errnoOf } from '../errno-of.js'
import type { DnsQuery } from '../looks.js'
import type { DnsReply } from './dns-record.js'
import { plainName, readReply } from './read-reply.js'

export interface AskOptions {
  /** Where name servers listen. */
  port: number
  addresses: AddressPolicy
  signal: AbortSignal
}

const tries = 2
const tryMs = 1500
/** What fits into a packet that is not cut into pieces on its way. */
const datagramBytes = 1232
const noWay = ['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']

/** Asks one server by its address: over UDP, again over TCP where the answer was cut off. What went wrong is a result. */
export async function askServer(query: DnsQuery, options: AskOptions): Promise<DnsReply> {
  const { host, port } = placeOf(query.server, options.port)
  try {
    await resolveAllowed(host, options.addresses)
  } catch (error) {
    return { state: 'unseen', reason: messageOf(error) }
  }
  const to = { host, port, signal: options.signal }
  try {
    const short = await overUdp(questionOf(query), to)
    return readReply(short.flag_tc ? await overTcp(questionOf(query), to) : short)
  } catch (error) {
    return faultOf(error)
  }
}

function faultOf(error: unknown): DnsReply {
  const code = errnoOf(error)
  if (noWay.includes(code)) return { state: 'unseen', reason: 'there is no way to it from this server' }
  return { state: 'silent', reason: code === 'ECONNREFUSED' ? 'nothing listens there' : messageOf(error) }
}

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`. */
function placeOf(server: string, usualPort: number): { host: string; port: number } {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(server)
  if (bracketed !== null) return { host: bracketed[1] ?? '', port: Number(bracketed[2] ?? usualPort) }
  const [host = '', port] = isIPv6(server) ? [server] : server.split(':')
  return { host, port: Number(port ?? usualPort) }
}

function questionOf({ name, type, recursion }: DnsQuery): Packet {
  const recursive = recursion === undefined ? 0 : packet.RECURSION_DESIRED
  const flags = recursive | (recursion === 'unchecked' ? packet.CHECKING_DISABLED : 0)
  const size = {
    udpPayloadSize: datagramBytes,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
  return {
    type: 'query',
    id: randomInt(0x1_0000),
    flags,
    questions: [{ type, name: name === '' ? '.' : name }],
    additionals: [{ type: 'OPT', name: '.', ...size }],
  }
}

interface Place {
  host: string
  port: number
  signal: AbortSignal
}

/** Each question has a socket, and so a port, of its own; only what the asked server answers to this very question counts. */
async function overUdp(question: Packet, to: Place): Promise<DecodedPacket> {
  const socket = createSocket(isIPv6(to.host) ? 'udp6' : 'udp4')
  try {
    socket.connect(to.port, to.host)
    await once(socket, 'connect', { signal: to.signal })
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      socket.send(packet.encode(question))
      const answer = await firstAnswer(socket, question, to.signal)
      if (answer !== undefined) return answer
    }
    throw new Error(`no answer within ${(tries * tryMs) / 1000} s`)
  } finally {
    socket.on('error', () => undefined) // it is given up
    socket.close()
  }
}

async function firstAnswer(
  socket: ReturnType<typeof createSocket>,
  question: Packet,
  signal: AbortSignal,
): Promise<DecodedPacket | undefined> {
  const late = timeLimit(tryMs / 1000)
  const ended = AbortSignal.any([late, signal])
  for (;;) {
    try {
      const [bytes] = (await once(socket, 'message', { signal: ended })) as [Buffer]
      const answer = decoded(bytes)
      if (isAnswerTo(answer, question)) return answer
    } catch (error) {
      if (late.aborted && !signal.aborted) return undefined
      throw signal.aborted ? new Error('the time of this run was over') : error
    }
  }
}

function decoded(bytes: Buffer): DecodedPacket {
  try {
    return packet.decode(bytes)
  } catch (cause) {
    throw new Error('its answer cannot be read', { cause })
  }
}

function isAnswerTo({ id, type, questions = [] }: DecodedPacket, question: Packet): boolean {
  const [asked] = question.questions ?? []
  const [answered] = questions
  if (id !== question.id || type !== 'response') return false
  // Servers that refuse may leave the question out.
  if (answered === undefined || asked === undefined) return true
  return answered.type === asked.type && plainName(answered.name) === plainName(asked.name)
}

async function overTcp(question: Packet, { host, port, signal }: Place): Promise<DecodedPacket> {
  const limit = timeLimit((tries * tryMs) / 1000, signal)
  const socket = connect({ host, port, signal: limit })
  try {
    await once(socket, 'connect', { signal: limit })
    socket.write(packet.streamEncode(question))
    let received = Buffer.alloc(0)
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk])
      if (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) break
    }
    const answer = decoded(received.subarray(2))
    if (isAnswerTo(answer, question)) return answer
    throw new Error('its answer over TCP is to another question')
  } catch (cause) {
    throw limit.aborted ? new Error('no whole answer over TCP', { cause }) : cause
  } finally {
    socket.on('error', () => undefined) // it is given up
    socket.destroy()
  }
}
