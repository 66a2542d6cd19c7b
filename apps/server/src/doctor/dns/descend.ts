import type { Descent, DnsQuery, NameServer, Zone } from '../looks.js'
import { type DnsReply, isIn, ofType } from './dns-record.js'

export type Ask = (query: DnsQuery) => Promise<DnsReply>
type Answered = Extract<DnsReply, { state: 'answered' }>

export interface Down {
  ask: Ask
  roots: readonly string[]
  /** Addresses of a name server whose parent gave none. */
  addressesOf(host: string): Promise<readonly string[]>
}

const deepest = 16
/** Of one zone, as its parent names them; more are nobody's intention but to keep others busy. */
const mostServers = 20
/** Of one server. */
const mostAddresses = 8
/** How many servers of a zone are asked at once, until one answers. */
const together = 3

/** From the roots to the zone that holds the name; each zone's servers as its parent names them. */
export async function descend(name: string, down: Down): Promise<Descent> {
  const zones: Zone[] = [{ name: '', servers: down.roots.map((address) => rootServer(address)) }]
  for (let depth = 0; depth < deepest; depth += 1) {
    const zone = zones.at(-1)
    if (zone === undefined) break
    const step = await stepFrom(zone, name, down)
    if (typeof step === 'string') return { zones, end: step }
    zones.push(step)
  }
  return { zones, end: 'stuck' }
}

function rootServer(address: string): NameServer {
  return { host: `the root server ${address}`, addresses: [address], lacksGlue: false }
}

/** The next zone, or how the way ends here. */
async function stepFrom(zone: Zone, name: string, down: Down): Promise<Zone | Descent['end']> {
  const reply = await firstUseful(zone, { name, type: 'NS' }, down)
  if (reply === undefined) return 'stuck'
  const cut = cutIn(reply, zone, name)
  if (cut !== undefined) return await zoneOf(cut, reply, down)
  if (reply.code === 'NXDOMAIN') return 'denied'
  // A server of both parent and child answers for the child at once, and shows it by its SOA only.
  const hidden = ofType(reply.authorities, 'SOA').find((soa) => isBelow(soa.name, zone.name) && isIn(name, soa.name))
  if (hidden === undefined) return 'reached'
  const own = await firstUseful(zone, { name: hidden.name, type: 'NS' }, down)
  const found = own === undefined ? undefined : cutIn(own, zone, hidden.name)
  return own === undefined || found === undefined ? 'reached' : await zoneOf(found, own, down)
}

/** The name of a zone below, where the reply shows its NS records. */
function cutIn({ answers, authorities }: Answered, zone: Zone, name: string): string | undefined {
  const records = [...ofType(answers, 'NS'), ...ofType(authorities, 'NS')]
  return records.find((ns) => isBelow(ns.name, zone.name) && isIn(name, ns.name))?.name
}

function isBelow(name: string, zone: string): boolean {
  return name !== zone && isIn(name, zone)
}

async function zoneOf(name: string, reply: Answered, down: Down): Promise<Zone> {
  const records = [...ofType(reply.answers, 'NS'), ...ofType(reply.authorities, 'NS')]
  const hosts = [...new Set(records.filter((ns) => ns.name === name).map(({ target }) => target))].slice(0, mostServers)
  return { name, servers: await Promise.all(hosts.map(async (host) => await serverOf(host, { name, reply, down }))) }
}

async function serverOf(
  host: string,
  { name, reply, down }: { name: string; reply: Answered; down: Down },
): Promise<NameServer> {
  const known = [...reply.additionals, ...reply.answers]
  const given = [...ofType(known, 'A'), ...ofType(known, 'AAAA')].filter((record) => record.name === host)
  const addresses = [...new Set(given.map(({ address }) => address))].slice(0, mostAddresses)
  if (addresses.length > 0) return { host, addresses, lacksGlue: false }
  return { host, addresses: (await down.addressesOf(host)).slice(0, mostAddresses), lacksGlue: isIn(host, name) }
}

/** Whether there was no way down at all: no root server could be asked. */
export function isWithoutRoots({ zones, end }: Descent): boolean {
  return end === 'stuck' && zones.length === 1
}

/** What the first server says that knows the zone; `undefined` where none does. */
export async function firstUseful(
  zone: Zone,
  question: Pick<DnsQuery, 'name' | 'type'>,
  { ask }: Pick<Down, 'ask'>,
): Promise<Answered | undefined> {
  const addresses = addressesOfZone(zone)
  // Of the roots a few speak for all: where they are silent there is no way out.
  const most = zone.name === '' ? together + 1 : addresses.length
  for (let start = 0; start < most; start += together) {
    const some = addresses.slice(start, Math.min(start + together, most))
    const replies = some.map(async (server) => await ask({ server, ...question }))
    const useful = await firstOf(replies, (reply) => usefulFor(zone, reply))
    if (useful !== undefined) return useful
  }
  return undefined
}

/** IPv4 first: many servers have no way to the other. */
export function addressesOfZone(zone: Zone): string[] {
  const all = [...new Set(zone.servers.flatMap(({ addresses }) => addresses))]
  return [...all.filter((address) => !address.includes(':')), ...all.filter((address) => address.includes(':'))]
}

/** A server that knows the zone answers for it, or leads further down. */
function usefulFor(zone: Zone, reply: DnsReply): Answered | undefined {
  if (reply.state !== 'answered' || !['NOERROR', 'NXDOMAIN'].includes(reply.code)) return undefined
  const leadsDown = ofType(reply.authorities, 'NS').some((ns) => isBelow(ns.name, zone.name))
  return reply.isAuthoritative || leadsDown ? reply : undefined
}

async function firstOf<T, U>(all: readonly Promise<T>[], pick: (one: T) => U | undefined): Promise<U | undefined> {
  const wanted = all.map(async (one) => {
    const picked = pick(await one)
    if (picked === undefined) throw new Error('of no use')
    return picked
  })
  try {
    return await Promise.any(wanted)
  } catch (error) {
    if (error instanceof AggregateError) return undefined
    throw error
  }
}
