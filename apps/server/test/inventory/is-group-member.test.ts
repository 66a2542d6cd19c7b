import { BlockList, isIPv4 } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isInNetwork, readNetwork } from '../../src/inventory/agent-network.js'
import { type GroupCandidate, type GroupCriteria, isGroupMember } from '../../src/inventory/is-group-member.js'

const group = (criteria: Partial<GroupCriteria>): GroupCriteria => ({
  match_os: '',
  match_architecture: '',
  match_ip_cidr: '',
  match_version: '',
  include_agent_ids: [],
  exclude_agent_ids: [],
  enabled: true,
  ...criteria,
})
const agent: GroupCandidate = {
  id: 'agent-1',
  os: 'Linux',
  architecture: 'x64',
  ip_address: '10.1.2.3',
  version: '1.2.10',
}

const word = fc.constantFrom('', 'linux', 'LINUX', 'windows', 'x64', 'arm64')
const version = fc.constantFrom('', '1.2.10', '1.2.*', '1.2.1', '1.*', '2.*')
const ids = fc.subarray(['agent-1', 'agent-2', 'agent-3'])
const anyGroup = fc.record({
  match_os: word,
  match_architecture: word,
  match_ip_cidr: fc.constantFrom('', '10.0.0.0/8', '10.1.2.3/32', '192.0.2.0/24', '::/0', '0.0.0.0/0'),
  match_version: version,
  include_agent_ids: ids,
  exclude_agent_ids: ids,
  enabled: fc.boolean(),
})
const anyAgent = fc.record({
  id: fc.constantFrom('agent-1', 'agent-2', 'agent-3'),
  os: fc.constantFrom('linux', 'Windows', ''),
  architecture: fc.constantFrom('x64', 'ARM64', ''),
  ip_address: fc.constantFrom('10.1.2.3', '::ffff:10.1.2.3', '192.0.2.9', '2001:db8::1', '', 'nonsense'),
  version: fc.constantFrom('1.2.10', '1.2.1', '2.0.0', ''),
})

describe('membership of an agent group', () => {
  it('is never of one that is excluded or a group that is not enabled, and else always of one that is included', () => {
    fc.assert(
      fc.property(anyGroup, anyAgent, (criteria, candidate) => {
        const isMember = isGroupMember(criteria, candidate)
        if (!criteria.enabled || criteria.exclude_agent_ids.includes(candidate.id)) return !isMember
        return criteria.include_agent_ids.includes(candidate.id) ? isMember : true
      }),
    )
  })

  it('of an agent in no list is that of every criterion alone, and of nobody without a criterion', () => {
    fc.assert(
      fc.property(anyGroup, anyAgent, (criteria, candidate) => {
        const bare = { ...criteria, include_agent_ids: [], exclude_agent_ids: [], enabled: true }
        const names = ['match_os', 'match_architecture', 'match_ip_cidr', 'match_version'] as const
        const asked = names.filter((name) => criteria[name] !== '')
        const each = asked.map((name) => isGroupMember(group({ [name]: criteria[name] }), candidate))
        expect(isGroupMember(bare, candidate)).toBe(asked.length > 0 && each.every(Boolean))
      }),
    )
  })

  it('does not look at upper and lower case', () => {
    expect(isGroupMember(group({ match_os: 'lInUx', match_architecture: 'X64' }), agent)).toBe(true)
    expect(isGroupMember(group({ match_os: 'lin' }), agent)).toBe(false)
  })

  it.each([
    ['1.2.10', true],
    ['1.2.1', false],
    ['1.2', false],
    ['1.2.*', true],
    ['1.*', true],
    ['1.2.1.*', false],
    ['2.*', false],
  ])('of version 1.2.10 in %s is %s', (match_version, wanted) => {
    expect(isGroupMember(group({ match_version }), agent)).toBe(wanted)
  })

  it.each([
    ['10.1.0.0/16', '10.1.255.255', true],
    ['10.1.0.0/16', '10.2.0.0', false],
    ['10.1.0.0/16', '::ffff:10.1.2.3', true],
    ['::ffff:10.1.0.0/112', '10.1.2.3', true],
    ['::ffff:10.1.0.0/112', '10.2.2.3', false],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '10.1.2.3', false],
    ['2001:db8::/32', '2001:DB8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['10.1.2.3/32', '10.1.2.3', true],
    ['10.0.0.0/8', '', false],
    ['10.0.0.0/8', '10.1', false],
    ['10.0.0.0/8', 'web.example.com', false],
  ])('in network %s of address "%s" is %s', (match_ip_cidr, ip_address, wanted) => {
    expect(isGroupMember(group({ match_ip_cidr }), { ...agent, ip_address })).toBe(wanted)
  })
})

const ipv4 = fc.ipV4()
const ipv6 = fc.ipV6().filter((address) => !address.includes('.'))

describe('networks', () => {
  const contains = (cidr: string, address: string): boolean => {
    const read = readNetwork(cidr)
    if ('fault' in read) throw new Error(read.fault)
    return isInNetwork(address, read.network)
  }

  /** The network that a refusal proposes, or the text itself. */
  const rightOf = (text: string): string => {
    const read = readNetwork(text)
    return 'network' in read ? text : (/the network is (\S+)$/.exec(read.fault)?.[1] ?? '')
  }

  it('hold what Node.js says they hold, of both families', () => {
    const family = (address: string) => (isIPv4(address) ? 'ipv4' : 'ipv6')
    const check = (first: string, length: number, address: string) => {
      const list = new BlockList()
      list.addSubnet(first, length, family(first))
      expect([first, length, address, contains(rightOf(`${first}/${length}`), address)]).toEqual([
        first,
        length,
        address,
        family(first) === family(address) && list.check(address, family(address)),
      ])
    }
    fc.assert(fc.property(ipv4, fc.integer({ min: 0, max: 32 }), ipv4, check))
    fc.assert(fc.property(ipv6, fc.integer({ min: 0, max: 95 }), ipv6, check))
    fc.assert(fc.property(ipv6, fc.integer({ min: 0, max: 95 }), ipv4, check))
  })

  it('that are refused with a proposal are accepted as proposed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.tuple(ipv4, fc.nat(32)), fc.tuple(ipv6, fc.nat(128))), ([address, length]) => {
        const right = rightOf(`${address}/${length}`)
        expect(readNetwork(right)).toHaveProperty('network')
        expect(contains(right, address)).toBe(true)
      }),
    )
  })

  it('that are any text are read or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f.:/%]{0,30}$/)), (text) => {
        const read = readNetwork(text)
        return 'network' in read || read.fault.length > 0
      }),
    )
  })
})
