import type { Kysely, Selectable } from 'kysely'
import { nounTable } from './noun-table.js'
import type { AgentGroupsTable, Schema } from './schema.js'

const columns = [
  'description',
  'match_os',
  'match_architecture',
  'match_ip_cidr',
  'match_version',
  'include_agent_ids',
  'exclude_agent_ids',
  'enabled',
] as const

export type AgentGroupRow = Selectable<AgentGroupsTable>

export function agentGroupsTable(db: Kysely<Schema>) {
  return nounTable(db, 'agent_groups', columns)
}
