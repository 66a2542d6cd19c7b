import { broken, doubtful, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'
import { dnsNameOf, isProvenByConnecting, type Subject } from '../subject.js'
import { addressesOf } from './addresses-of.js'
import { firstVisits, staleV6 } from './first-visits.js'

/** Whether the name leads to addresses, and a CA can reach each of them. */
export async function checkAddresses(looks: Looks, subject: Subject): Promise<Finding[]> {
  const name = subject.asked.kind === 'address' ? subject.asked.name : dnsNameOf(subject)
  if (name === undefined || !isProvenByConnecting(subject)) return []
  const found = await addressesOf(looks, subject)
  if (!found.known) return [unknown(name, found.reason)]
  const all = [...found.v4, ...found.v6]
  if (all.length === 0) return [missing(name)]
  const faults = [
    ...(found.isInside ? [inside(name, all)] : []),
    ...all.flatMap((address) => reachFault(looks, name, address)),
    ...(await v6Findings(looks, subject, name)),
  ]
  const isWell = faults.every(({ severity }) => severity === 'ok')
  return isWell ? [fine('addresses_ok', `${name} leads to ${all.join(', ')}`), ...faults] : faults
}

function reachFault(looks: Looks, name: string, address: string): Finding[] {
  const reach = looks.reachOf(address)
  if (reach === 'public') return []
  const say = reach === 'private' ? doubtful : broken
  return [
    say('address_private', {
      seen: `${name === address ? address : `${name} leads to ${address}, which`} cannot be reached from the internet`,
      cause:
        reach === 'private'
          ? 'It is an address inside a network: a public CA cannot connect to it, a CA in the same network can'
          : 'It is an address that leads to whoever asks, or to nobody',
      remedy:
        name === address
          ? 'For a public CA: take a public address; any other is certified by a CA of your own only'
          : `For a public CA: give ${name} a public address, or prove it by DNS: certctl doctor ${name} --method dns-01`,
    }),
  ]
}

async function v6Findings(looks: Looks, subject: Subject, name: string): Promise<Finding[]> {
  const visits = await firstVisits(looks, subject)
  const stale = staleV6(visits).map(({ address, look }) =>
    broken('ipv6_stale', {
      seen: `${address} (AAAA of ${name}) is ${look.state}, while its IPv4 address answers`,
      cause:
        'The AAAA record is out of date, or the web server does not listen on IPv6. CAs prefer IPv6, and fail there',
      remedy: `Remove the AAAA record of ${name}, or let the web server listen on ${address}`,
    }),
  )
  const unseen = visits.filter(({ address, look }) => address.includes(':') && look.state === 'unseen')
  return [
    ...stale,
    ...unseen.map(({ address }) =>
      fine('ipv6_unseen', `${address} (AAAA of ${name}) cannot be looked at from this server`),
    ),
  ]
}

function inside(name: string, addresses: readonly string[]): Finding {
  return doubtful('addresses_inside', {
    seen: `Only the resolvers of this server know addresses of ${name}: ${addresses.join(', ')}`,
    cause:
      'The name servers of the zone show the world none: a CA in this network can connect to it, a public CA cannot',
    remedy: `For a public CA: create the address record in the public zone, or: certctl doctor ${name} --method dns-01`,
  })
}

function missing(name: string): Finding {
  return broken('addresses_missing', {
    seen: `${name} has neither an A nor an AAAA record`,
    cause: 'The record was never made, or was removed: a CA does not know where to connect',
    remedy: `Create it (${name}. A <address of the host>), or prove the name by DNS: certctl doctor ${name} --method dns-01`,
  })
}

function unknown(name: string, reason: string): Finding {
  return broken('addresses_unknown', {
    seen: `The addresses of ${name} cannot be found out: ${reason}`,
    cause: 'Neither the name servers of the zone nor the resolvers of this server answer',
    remedy: 'Mend the delegation first; what is found there says how',
  })
}
