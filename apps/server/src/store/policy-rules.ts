import type { Kysely, Selectable } from 'kysely'
import { nounTable } from './noun-table.js'
import type { PolicyRulesTable, Schema } from './schema.js'

const columns = ['type', 'config', 'enabled', 'severity', 'mode'] as const

export type PolicyRuleRow = Selectable<PolicyRulesTable>

export function policyRulesTable(db: Kysely<Schema>) {
  return {
    ...nounTable(db, 'policy_rules', columns),

    /** The rules that count, oldest first. */
    async listEnabled(): Promise<PolicyRuleRow[]> {
      return await db
        .selectFrom('policy_rules')
        .select(['id', 'name', 'created_at', 'updated_at', ...columns])
        .where('enabled', '=', true)
        .orderBy('created_at')
        .orderBy('id')
        .execute()
    },
  }
}
