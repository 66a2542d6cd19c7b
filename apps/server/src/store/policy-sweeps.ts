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

    /** From the start, unless another copy has begun it as the rule stands now. */
    async begin({ rule_id, rule_updated_at }: DueSweep): Promise<void> {
      const progress = { rule_updated_at, swept_to: '', done_at: null }
      await db
        .insertInto('policy_sweeps')
        .values({ rule_id, ...progress })
        .onConflict((conflict) =>
          conflict
            .column('rule_id')
            .doUpdateSet(progress)
            .where('policy_sweeps.rule_updated_at', '<>', rule_updated_at),
        )
        .execute()
    },

    /** Returns whether it stood where this copy left it: else another one goes on with it, or it has to begin anew. */
    async advance(
      { rule_id, rule_updated_at, swept_to }: DueSweep,
      to: { swept_to: string } | { done_at: Date },
    ): Promise<boolean> {
      const { numUpdatedRows } = await db
        .updateTable('policy_sweeps')
        .set(to)
        .where('rule_id', '=', rule_id)
        .where('rule_updated_at', '=', rule_updated_at)
        .where('swept_to', '=', swept_to)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    /** What rules of this type look at has changed: they begin anew, those too that are under way. */
    async again(type: string): Promise<void> {
      const rules = db.selectFrom('policy_rules').select('id').where('type', '=', type).where('enabled', '=', true)
      await db
        .updateTable('policy_sweeps')
        .set({ rule_updated_at: new Date(0), swept_to: '', done_at: null })
        .where('rule_id', 'in', rules)
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
