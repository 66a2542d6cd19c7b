import type { AgentGroupRow } from '../store/agent-groups.js'
import type { AgentRow } from '../store/agents.js'
import { isInNetwork, readNetwork } from './agent-network.js'

export type GroupCriteria = Pick<
  AgentGroupRow,
  | 'match_os'
  | 'match_architecture'
  | 'match_ip_cidr'
  | 'match_version'
  | 'include_agent_ids'
  | 'exclude_agent_ids'
  | 'enabled'
>
export type GroupCandidate = Pick<AgentRow, 'id' | 'os' | 'architecture' | 'ip_address' | 'version'>

/**
 * Whether the agent is in the group: never when it is excluded or the group is not enabled; always when it is included; else when
 * there is a criterion and it meets all there are. Words are compared without regard to case; `1.2.*` means every version that
 * begins with `1.2.`.
 */
export function isGroupMember(group: GroupCriteria, agent: GroupCandidate): boolean {
  if (!group.enabled || group.exclude_agent_ids.includes(agent.id)) return false
  if (group.include_agent_ids.includes(agent.id)) return true
  const asked = criteriaOf(group).filter(({ wanted }) => wanted !== '')
  return asked.length > 0 && asked.every(({ wanted, isMet }) => isMet(wanted, agent))
}

interface Criterion {
  wanted: string
  isMet(wanted: string, agent: GroupCandidate): boolean
}

function criteriaOf({ match_os, match_architecture, match_ip_cidr, match_version }: GroupCriteria): Criterion[] {
  return [
    { wanted: match_os, isMet: (wanted, { os }) => isSameWord(wanted, os) },
    { wanted: match_architecture, isMet: (wanted, { architecture }) => isSameWord(wanted, architecture) },
    { wanted: match_ip_cidr, isMet: (wanted, { ip_address }) => isInside(ip_address, wanted) },
    { wanted: match_version, isMet: (wanted, { version }) => isVersion(wanted, version) },
  ]
}

function isSameWord(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

function isInside(address: string, cidr: string): boolean {
  const read = readNetwork(cidr)
  return 'network' in read && isInNetwork(address, read.network)
}

function isVersion(wanted: string, version: string): boolean {
  if (!wanted.endsWith('.*')) return isSameWord(wanted, version)
  return version.toLowerCase().startsWith(wanted.slice(0, -1).toLowerCase())
}
