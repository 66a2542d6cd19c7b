import { a, emptyAddress, firstAddress, ns, resolverAddress, soa, webAddress } from '../world.js'
import { inZone, without } from './change-zone.js'
import { type Staged, site } from './staged.js'

/** Faults of zones, name servers and resolvers. */
export const dnsFaults: readonly Staged[] = [
  {
    fault: 'a domain that nobody registered',
    name: 'www.exmaple.com',
    stage: () => {},
    expected: ['addresses_missing', 'not_delegated'],
    says: 'neither an A nor an AAAA',
  },
  {
    fault: 'a delegation to servers that do not know the zone',
    stage: (world) => {
      world.mood('first', () => ({ rcode: 5 }))
      world.mood('second', () => ({ rcode: 5 }))
    },
    expected: ['caa_lookup_failed', 'delegation_broken', 'server_lame'],
    says: 'The CAA records of www.example.com cannot be looked up',
  },
  {
    fault: 'one lame server of two',
    stage: (world) => world.mood('second', () => ({ rcode: 5 })),
    expected: ['server_lame'],
    says: 'ns2.example.com (127.0.0.22) is said to serve example.com, and answers REFUSED',
  },
  {
    fault: 'a server that says nothing',
    stage: (world) => world.mood('second', () => 'silent'),
    expected: ['server_silent'],
    says: 'ns2.example.com (127.0.0.22)',
  },
  {
    fault: 'a server without authority',
    stage: (world) => world.mood('second', ({ type }) => (type === 'NS' ? { rcode: 0 } : undefined)),
    expected: ['server_lame'],
    says: 'has no authority over it',
  },
  {
    fault: 'parent and zone that name different servers',
    stage: (world) => {
      inZone(world, ({ records }) =>
        records.push(ns('example.com', 'ns3.example.com'), a('ns3.example.com', firstAddress)),
      )
    },
    expected: ['delegation_differs'],
    says: 'the zone itself names ns1.example.com, ns2.example.com, ns3.example.com',
  },
  {
    fault: 'glue that is missing',
    stage: (world) => without('ns2.example.com')(world.zones.com),
    expected: ['glue_missing'],
    says: 'names ns2.example.com without an address',
  },
  {
    fault: 'a name server whose name is gone',
    stage: (world) => {
      world.zones.com.records.push(ns('example.com', 'ns.gone-for-good.com'))
      inZone(world, ({ records }) => records.push(ns('example.com', 'ns.gone-for-good.com')))
    },
    expected: ['server_unresolvable'],
    says: 'ns.gone-for-good.com',
  },
  {
    fault: 'a name without an address',
    name: 'new.example.com',
    stage: () => {},
    expected: ['addresses_missing'],
    remedy: 'new.example.com. A',
  },
  {
    fault: 'name servers that fail at CAA',
    stage: (world) => {
      for (const server of ['first', 'second'] as const)
        world.mood(server, ({ type }) => (type === 'CAA' ? { rcode: 2 } : undefined))
    },
    expected: ['caa_lookup_failed'],
    remedy: 'dig www.example.com CAA',
  },
  {
    fault: 'name servers that disagree',
    method: 'dns-01',
    stage: (world) => {
      without(site)(world.zones.second)
      world.zones.second.records.push(a(site, emptyAddress))
      world.mood('resolver', ({ type }) => (type === 'A' ? { rcode: 2 } : undefined))
    },
    expected: ['servers_differ'],
    says: `127.0.0.21 says ${webAddress}; 127.0.0.22 says ${emptyAddress}`,
  },
  {
    fault: 'a change that is on its way',
    stage: (world) => {
      without('example.com')(world.zones.second)
      world.zones.second.records.push(
        soa('example.com', 2),
        ns('example.com', 'ns1.example.com'),
        ns('example.com', 'ns2.example.com'),
      )
    },
    expected: ['serials_differ'],
  },
  {
    fault: 'a resolver with an old answer',
    stage: (world) =>
      world.mood('resolver', ({ type }) => (type === 'A' ? { answers: [a(site, emptyAddress)] } : undefined)),
    expected: ['resolver_differs'],
    says: `the resolver ${resolverAddress} says ${emptyAddress}, the name servers say ${webAddress}`,
  },
  {
    fault: 'a resolver that says nothing',
    stage: (world) => world.mood('resolver', () => 'silent'),
    expected: ['resolver_silent'],
  },
  {
    fault: 'a DS record without its key',
    stage: (world) => {
      const digest = Buffer.alloc(32, 7)
      world.zones.com.records.push({
        type: 'DS',
        name: 'example.com',
        ttl: 300,
        data: { keyTag: 4711, algorithm: 13, digestType: 2, digest },
      })
    },
    expected: ['ds_without_key'],
    says: 'names the key 4711; example.com has no key at all',
  },
  {
    fault: 'signatures that have ended',
    stage: (world) => world.mood('resolver', (_, query) => (query.flag_cd ? undefined : { rcode: 2 })),
    expected: ['dnssec_bogus'],
    says: 'SERVFAIL',
  },
  {
    fault: 'root servers that cannot be asked',
    stage: (world) => {
      world.surroundings.dns.roots = [emptyAddress]
    },
    expected: ['roots_silent'],
  },
  {
    fault: 'a name that only this network knows',
    name: 'inside.example.com',
    stage: (world) => {
      world.mood('resolver', ({ type, name }) =>
        type === 'A' && name === 'inside.example.com' ? { answers: [a('inside.example.com', webAddress)] } : undefined,
      )
    },
    expected: ['addresses_inside', 'resolver_differs'],
    says: `Only the resolvers of this server know addresses of inside.example.com: ${webAddress}`,
  },
]
