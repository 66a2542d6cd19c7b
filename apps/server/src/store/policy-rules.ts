import { type Kysely, type Selectable, sql } from 'kysely'
import { sameRows } from './by-key.js'
import { nounTable } from './noun-table.js'
import type { PolicyRulesTable, Schema } from './schema.js'

const columns = ['type', 'config', 'enabled', 'severity', 'mode'] as const

export type PolicyRuleRow = Selectable<PolicyRulesTable>

const enabledRules = sameRows((build) =>
  build
    .selectFrom('policy_rules')
    .select(['id', 'name', 'created_at', 'updated_at', ...columns])
    .where('enabled', 'is', sql.lit(true))
    .orderBy('created_at')
    .orderBy('id'),
)

export function policyRulesTable(db: Kysely<Schema>) {
  return {
    /** The rules that count, oldest first. */
    async listEnabled(): Promise<PolicyRuleRow[]> {
      return await enabledRules(db)
    },

    ...nounTable(db, 'policy_rules', columns),
  }
}
