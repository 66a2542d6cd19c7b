import { messageOf } from '@certctl/core'
import type { Acme } from '../acme.js'

export interface ZoneServers {
  zone: string | undefined
  servers: readonly { name: string; address: string }[]
  /** Why there are none. */
  fault: string | undefined
}

const mostServers = 8

/** The authoritative name servers of the zone a record is in, by address. None is a result: a view that only the inside sees, or a resolver that hides them. */
export async function findZoneServers(acme: Acme, name: string, signal: AbortSignal): Promise<ZoneServers> {
  try {
    const zone = await findZone(acme, name, signal)
    if (zone === undefined) return { zone, servers: [], fault: `no zone was found above ${name}` }
    const names = await ask(acme, { name: zone, type: 'NS' }, signal)
    const found = await Promise.all(names.slice(0, mostServers).map((server) => addressOf(acme, server, signal)))
    const servers = found.filter((server) => server !== undefined)
    return { zone, servers, fault: servers.length === 0 ? `the name servers of ${zone} have no address` : undefined }
  } catch (error) {
    if (signal.aborted) throw error
    return { zone: undefined, servers: [], fault: messageOf(error) }
  }
}

async function findZone(acme: Acme, name: string, signal: AbortSignal): Promise<string | undefined> {
  const labels = name.split('.')
  for (let at = 0; at < labels.length - 1; at += 1) {
    const candidate = labels.slice(at).join('.')
    if ((await ask(acme, { name: candidate, type: 'SOA' }, signal)).length > 0) return candidate
  }
  return undefined
}

async function addressOf(acme: Acme, server: string, signal: AbortSignal) {
  const name = server.replace(/\.$/, '')
  const [v4] = await ask(acme, { name, type: 'A' }, signal)
  const [v6] = v4 === undefined ? await ask(acme, { name, type: 'AAAA' }, signal) : []
  if (v4 !== undefined) return { name, address: v4 }
  return v6 === undefined ? undefined : { name, address: `[${v6}]` }
}

async function ask(
  { config, host }: Acme,
  question: { name: string; type: 'SOA' | 'NS' | 'A' | 'AAAA' },
  signal: AbortSignal,
): Promise<readonly string[]> {
  return await host.resolve({ ...question, servers: config.dns_resolvers, signal })
}
