import { CertctlError, type Host, messageOf, type TxtRecord } from '@certctl/core'
import { type DecodedPacket, decode } from 'dns-packet'
import type { Config } from './config.js'
import { type Exchange, openExchange } from './exchange.js'
import { type Answered, requireAccepted } from './refusal.js'
import { signMessage, type TsigKey, verifyAnswer } from './tsig.js'
import {
  classes,
  encodeMessage,
  encodeText,
  opcodes,
  plainName,
  types,
  type WireMessage,
  type WireRecord,
} from './wire.js'

interface Answer extends Answered {
  packet: DecodedPacket
}
type Ask = (message: Omit<WireMessage, 'id'>) => Promise<Answer>

export interface NameServer {
  change(record: TxtRecord, way: 'add' | 'remove'): Promise<void>
  /** Asks without changing anything, and says what the answer shows. */
  look(signal: AbortSignal): Promise<string>
}

/** Dynamic updates (RFC 2136) with TSIG (RFC 8945). */
export function createNameServer(config: Config, host: Host): NameServer {
  const key = keyOf(config)

  const conversation = async <T>(signal: AbortSignal, act: (ask: Ask) => Promise<T>): Promise<T> => {
    const { server, port, timeout: timeLimitSeconds } = config
    if (signal.aborted) throw new CertctlError('aborted', `The name server ${server} was not asked: interrupted before`)
    const exchange = await openExchange(host, { server, port, timeLimitSeconds, signal })
    try {
      return await act((message) => askOnce({ exchange, host, key, message }))
    } finally {
      exchange.close()
    }
  }

  return {
    change: ({ name, value, ttlSeconds, signal }, way) =>
      conversation(signal, async (ask) => {
        const owner = plainName(name)
        const zone = await zoneOf(config, owner, ask)
        const text = { name: owner, type: types.TXT, data: encodeText(value) }
        const updates: WireRecord[] =
          way === 'add'
            ? [{ ...text, class: classes.IN, ttl: (await ttlThere(owner, ask)) ?? ttlSeconds }]
            : [{ ...text, class: classes.NONE, ttl: 0 }]
        // RFC 2136 §3.4.2.2: a server drops what is added beside a CNAME without a word.
        const prerequisites = way === 'add' ? [noAlias(owner)] : []
        const update = { opcode: opcodes.update, name: zone, type: types.SOA, prerequisites, updates }
        requireAccepted(await ask(update), { config, zone, name: owner })
      }),

    look: (signal) =>
      conversation(signal, async (ask) => {
        const { server, zone } = config
        const signed = key === undefined ? '' : `, and knows the key "${key.name}"`
        if (zone === undefined) {
          const { signature, now } = await ask({ opcode: opcodes.query, name: '', type: types.SOA })
          if (key !== undefined && signature === undefined) throw unsigned(server)
          // What it thinks of the root is its own business; that it could check and sign is what was to be seen.
          requireAccepted({ rcode: 0, signature, now }, { config, zone: '', name: 'anything' })
          return `${server} answers${signed}; set zone to find out whether updates are allowed, too`
        }
        const prerequisites = [noAlias(`certctl-test.${zone}`)]
        const update = { opcode: opcodes.update, name: zone, type: types.SOA, prerequisites }
        requireAccepted(await ask(update), { config, zone, name: zone })
        return `${server} takes updates for ${zone}${signed}; nothing was changed`
      }),
  }
}

function keyOf({ tsig_key_name: name, tsig_secret: secret, tsig_algorithm: algorithm }: Config): TsigKey | undefined {
  return name === undefined || secret === undefined ? undefined : { name, secret, algorithm }
}

function noAlias(name: string): WireRecord {
  return { name, type: types.CNAME, class: classes.NONE, ttl: 0, data: Buffer.alloc(0) }
}

function unsigned(server: string): CertctlError {
  return new CertctlError('upstream_protocol', `${server} does not sign its answer, so anybody may have sent it`)
}

interface Asking {
  exchange: Exchange
  host: Host
  key: TsigKey | undefined
  message: Omit<WireMessage, 'id'>
}

async function askOnce({ exchange, host, key, message }: Asking): Promise<Answer> {
  const id = Buffer.from(host.random(2)).readUInt16BE(0)
  const now = host.now()
  const bytes = encodeMessage({ ...message, id })
  const { signed, mac } = key === undefined ? { signed: bytes, mac: undefined } : signMessage(bytes, key, now)
  const answer = await exchange.ask(signed)
  try {
    const packet = decode(answer)
    const opcode = (answer.readUInt16BE(2) >> 11) & 15
    if (packet.id !== id || packet.type !== 'response' || opcode !== message.opcode)
      throw new CertctlError('upstream_protocol', 'The name server answers another question than the one it was asked')
    const rcode = answer.readUInt16BE(2) & 15
    const signature = key === undefined || mac === undefined ? undefined : verifyAnswer(answer, key, { mac, now })
    if (key !== undefined && signature === undefined && rcode === 0)
      throw new CertctlError(
        'upstream_protocol',
        'The name server does not sign its answer, so anybody may have sent it',
      )
    return { rcode, signature, now, packet }
  } catch (cause) {
    if (cause instanceof CertctlError) throw cause
    throw new CertctlError('upstream_protocol', `The name server's answer cannot be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** The deepest zone that the server holds for this name (RFC 2308 §3: who has no such name says so with its zone's SOA). */
async function zoneOf(config: Config, name: string, ask: Ask): Promise<string> {
  if (config.zone !== undefined) {
    if (isWithin(name, config.zone)) return config.zone
    throw new CertctlError(
      'config_invalid',
      `${name} is not in ${config.zone}, the only zone this DNS provider may change`,
    )
  }
  for (let at = name; at !== ''; at = parentOf(at)) {
    const { packet, ...answer } = await ask({ opcode: opcodes.query, name: at, type: types.SOA })
    if (answer.rcode === refused) throw notHeld(config, name, 'refuses to say which zone holds it')
    if (answer.rcode !== noSuchName) requireAccepted(answer, { config, zone: `of ${name}`, name })
    const found = [...(packet.answers ?? []), ...(packet.authorities ?? [])].map((record) => ({
      type: record.type,
      owner: plainName(record.name),
    }))
    const zone = found.find(({ type, owner }) => type === 'SOA' && owner !== '' && isWithin(name, owner))
    if (zone !== undefined) return zone.owner
    const cut = found.find(({ type, owner }) => type === 'NS' && isWithin(name, owner))
    if (cut?.owner === '') throw notHeld(config, name, 'holds no zone for it')
    if (cut !== undefined) throw notHeld(config, name, `has delegated ${cut.owner} to other name servers`)
  }
  throw notHeld(config, name, 'knows no zone that holds it')
}

/** All values of one name share one TTL (RFC 2181 §5.2), and servers give them that of the last one added: where others have values, theirs is kept. */
async function ttlThere(name: string, ask: Ask): Promise<number | undefined> {
  const { packet } = await ask({ opcode: opcodes.query, name, type: types.TXT })
  const found = packet.answers?.find((answer) => answer.type === 'TXT' && plainName(answer.name) === name)
  return found?.type === 'TXT' ? found.ttl : undefined
}

const noSuchName = 3
const refused = 5

function notHeld({ server }: Config, name: string, why: string): CertctlError {
  return new CertctlError(
    'not_found',
    `${server} cannot change ${name}: it ${why}; configure the primary server of its zone`,
  )
}

function isWithin(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`)
}

function parentOf(name: string): string {
  return name.split('.').slice(1).join('.')
}
