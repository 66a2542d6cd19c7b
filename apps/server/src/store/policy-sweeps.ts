import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.js'

export interface DueSweep {
  rule_id: string
  rule_updated_at: Date
  swept_to: string
}

export function policySweepsTable(db: Kysely<Schema>) {
  return {
    /** Rules that not every certificate was judged by as they stand now, with how far that went. A change since begins anew. */
    async listDue(limit: number): Promise<DueSweep[]> {
      const { rows } = await sql<DueSweep>`
        select rule.id as rule_id, rule.updated_at as rule_updated_at,
          case when sweep.rule_updated_at = rule.updated_at then sweep.swept_to else '' end as swept_to
        from policy_rules rule left join policy_sweeps sweep on sweep.rule_id = rule.id
        where sweep.rule_id is null or sweep.rule_updated_at <> rule.updated_at or sweep.done_at is null
        order by rule.updated_at, rule.id limit ${limit}`.execute(db)
      return rows
    },

    async keep({ rule_id, rule_updated_at, swept_to }: DueSweep, doneAt: Date | null): Promise<void> {
      const progress = { rule_updated_at, swept_to, done_at: doneAt }
      await db
        .insertInto('policy_sweeps')
        .values({ rule_id, ...progress })
        .onConflict((conflict) => conflict.column('rule_id').doUpdateSet(progress))
        .execute()
    },

    /** Not archived, in the order of their ids. */
    async listCertificates({ after, limit }: { after: string; limit: number }): Promise<string[]> {
      const rows = await db
        .selectFrom('certificates')
        .select('id')
        .where('id', '>', after)
        .where('archived_at', 'is', null)
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(({ id }) => id)
    },
  }
}
