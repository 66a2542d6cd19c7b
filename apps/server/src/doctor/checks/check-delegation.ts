import { isWithoutRoots } from '../dns/descend.js'
import { type DnsReply, labelCount, ofType } from '../dns/dns-record.js'
import { broken, doubtful, type Finding, fine } from '../finding.js'
import type { Looks, NameServer, Zone } from '../looks.js'
import { dnsNameOf, type Subject } from '../subject.js'

/** Whether the way from the root to the zone is whole, and each server of the zone serves it. */
export async function checkDelegation(looks: Looks, subject: Subject): Promise<Finding[]> {
  const name = dnsNameOf(subject)
  if (name === undefined) return []
  const { zones, end } = await looks.descend(name)
  const zone = zones.at(-1)
  if (zone === undefined || isWithoutRoots({ zones, end })) return [rootsSilent()]
  if (end === 'denied' && labelCount(zone.name) <= 1) return [await notDelegated(looks, name, zone.name)]
  if (labelCount(zone.name) === 0) return []
  const states = await Promise.all(zone.servers.map(async (server) => await stateOf(looks, zone, server)))
  const faults = states.flatMap((state) => faultsOf(state, zone.name))
  const differing = differences(zone, states)
  if (end === 'stuck') return [delegationBroken(zone, states), ...faults, ...differing]
  const all = [...faults, ...differing]
  return all.length > 0 ? all : [fine('delegation_ok', `${zone.name} is served by ${listed(hostsOf(zone))}`)]
}

interface ServerState {
  server: NameServer
  /** What each of its addresses said about the zone. */
  said: { address: string; reply: DnsReply }[]
  /** Who serves the zone, as it says itself. */
  names: string[] | undefined
}

async function stateOf(looks: Looks, zone: Zone, server: NameServer): Promise<ServerState> {
  const said = await Promise.all(
    server.addresses.map(async (address) => ({
      address,
      reply: await looks.ask({ server: address, name: zone.name, type: 'NS' }),
    })),
  )
  const own = said.find(({ reply }) => serves(reply))?.reply
  const names = own?.state === 'answered' ? ofType(own.answers, 'NS').map(({ target }) => target) : undefined
  return { server, said, names }
}

function serves(reply: DnsReply): boolean {
  return reply.state === 'answered' && reply.isAuthoritative && reply.code === 'NOERROR'
}

function faultsOf({ server, said }: ServerState, zone: string): Finding[] {
  const { host } = server
  const faults: Finding[] = []
  if (server.lacksGlue) faults.push(glueMissing(host, zone))
  if (said.length === 0) faults.push(unresolvable(host, zone))
  for (const { address, reply } of said) {
    const place = `${host} (${address})`
    if (reply.state === 'silent') faults.push(silent(place, zone, reply.reason))
    else if (reply.state === 'answered' && !serves(reply)) faults.push(lame(place, zone, wordFor(reply)))
  }
  return faults
}

function wordFor(reply: Extract<DnsReply, { state: 'answered' }>): string {
  return reply.code === 'NOERROR' ? 'has no authority over it' : `answers ${reply.code}`
}

function differences(zone: Zone, states: readonly ServerState[]): Finding[] {
  const own = states.find(({ names }) => names !== undefined && names.length > 0)?.names
  if (own === undefined) return []
  const parents = hostsOf(zone)
  const extra = parents.filter((host) => !own.includes(host))
  const missing = own.filter((host) => !parents.includes(host))
  if (extra.length === 0 && missing.length === 0) return []
  return [
    doubtful('delegation_differs', {
      seen: `The parent of ${zone.name} names ${listed(parents)}; the zone itself names ${listed(own)}`,
      cause: 'The name servers were changed in one place only; who asks which one is chance',
      remedy: `Make both the same: at the registrar of ${zone.name}, or in its NS records`,
    }),
  ]
}

function hostsOf(zone: Zone): string[] {
  return zone.servers.map(({ host }) => host).toSorted()
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nobody' : names.toSorted().join(', ')
}

function rootsSilent(): Finding {
  return doubtful('roots_silent', {
    seen: 'No root server answers questions of this server',
    cause:
      'Questions to port 53 outside are stopped, or only the own resolvers may ask. What a public CA sees cannot be seen from here',
    remedy: 'Let this server ask port 53 (UDP and TCP) outside, or run the doctor on one that may',
  })
}

async function notDelegated(looks: Looks, name: string, parent: string): Promise<Finding> {
  const seen = `The zone ${parent || 'of the root'} says that there is nothing called ${name}`
  const inside = await looks.recall(name, 'A')
  if (inside.state === 'found')
    return doubtful('not_delegated', {
      seen: `${seen}; the resolvers of this server know it`,
      cause: 'It is known in this network only: a CA of your own can certify it, a public CA cannot',
      remedy: 'For a public CA: use a name under a domain that is registered to you',
    })
  return broken('not_delegated', {
    seen,
    cause: 'The domain is not registered, has ended, has no name servers set, or is misspelled',
    remedy: 'Look at the spelling; then register the domain, or set its name servers, at its registrar',
  })
}

function delegationBroken({ name, servers }: Zone, states: readonly ServerState[]): Finding {
  const known = states.reduce((sum, { said }) => sum + said.length, 0)
  return broken('delegation_broken', {
    seen: `None of the name servers that the parent of ${name} names answers for it: ${listed(servers.map(({ host }) => host))} (${known} addresses)`,
    cause: 'The zone was moved or removed, and the parent still names the servers from before',
    remedy: `Set the name servers of ${name} at its registrar to those that serve it now`,
  })
}

function lame(place: string, zone: string, word: string): Finding {
  return doubtful('server_lame', {
    seen: `${place} is said to serve ${zone}, and ${word}`,
    cause: 'The zone is not set up on that server, or has run out there. CAs that happen to ask it get nowhere',
    remedy: `Set up ${zone} on it, or take it out of the NS records of ${zone} and of its parent`,
  })
}

function silent(place: string, zone: string, reason: string): Finding {
  return doubtful('server_silent', {
    seen: `${place}, a name server of ${zone}, does not answer: ${reason}`,
    cause: 'It is down, its address is out of date, or a firewall stops questions to port 53',
    remedy: `Start it, correct its address, or take it out of the NS records of ${zone} and of its parent`,
  })
}

function unresolvable(host: string, zone: string): Finding {
  return doubtful('server_unresolvable', {
    seen: `${host}, a name server of ${zone}, has no address`,
    cause: 'Its name is gone or misspelled; whoever registers that name could answer for your zone',
    remedy: `Create the address record of ${host}, or take it out of the NS records of ${zone} and of its parent`,
  })
}

function glueMissing(host: string, zone: string): Finding {
  return doubtful('glue_missing', {
    seen: `The parent of ${zone} names ${host} without an address`,
    cause:
      'The server lies inside the zone that it serves: nobody can find it without being told its address by the parent',
    remedy: `Enter the address of ${host} as a host (glue) record at the registrar of ${zone}`,
  })
}
