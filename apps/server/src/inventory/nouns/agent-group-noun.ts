import type { AgentGroupRow } from '../../store/agent-groups.js'
import { createId } from '../../store/create-id.js'
import { readNetwork } from '../agent-network.js'
import { fieldFault } from '../field-fault.js'
import { after, type PlainNoun } from './plain-noun.js'
import { requireReferences } from './require-reference.js'

export const agentGroupNoun: PlainNoun<AgentGroupRow> = {
  resource: 'agent_group',
  words: { one: 'agent group', many: 'agent groups' },
  command: 'agent-groups',
  table: (tables) => tables.agentGroups,
  newId: (_name, now) => createId('ag', now),
  json: [],
  referrers: [],
  wakes: true,
  async check(tx, change) {
    const network = after(change, 'match_ip_cidr')
    if (typeof network === 'string' && network !== '') requireNetwork(network)
    for (const field of ['include_agent_ids', 'exclude_agent_ids'] as const)
      await requireReferences(tx, { field, kind: 'agent', ids: change.given[field], known: change.before?.[field] })
    return change.given
  },
}

function requireNetwork(text: string): void {
  const network = readNetwork(text)
  if ('fault' in network) throw fieldFault('match_ip_cidr', network.fault)
}
