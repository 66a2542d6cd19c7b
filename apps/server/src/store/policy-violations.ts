import type { Insertable, Kysely, Selectable } from 'kysely'
import { type Page, type PageRequest, readPage } from './page.js'
import type { PolicyViolationsTable, Schema } from './schema.js'

const columns = ['id', 'certificate_id', 'rule_id', 'message', 'severity', 'created_at', 'resolved_at'] as const

export type PolicyViolationRow = Selectable<PolicyViolationsTable>

export function policyViolationsTable(db: Kysely<Schema>) {
  return {
    /** One that is open for the same certificate and rule stays. Returns whether it was written. */
    async insert(row: Insertable<PolicyViolationsTable>): Promise<boolean> {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('policy_violations')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    },

    async listOpenOfCertificate(certificateId: string): Promise<PolicyViolationRow[]> {
      return await db
        .selectFrom('policy_violations')
        .select(columns)
        .where('certificate_id', '=', certificateId)
        .where('resolved_at', 'is', null)
        .orderBy('rule_id')
        .execute()
    },

    /** What is violated still, in other words or graver than before. */
    async restate(id: string, { message, severity }: { message: string; severity: string }): Promise<void> {
      await db.updateTable('policy_violations').set({ message, severity }).where('id', '=', id).execute()
    },

    async resolve(ids: readonly string[], at: Date): Promise<void> {
      if (ids.length === 0) return
      await db
        .updateTable('policy_violations')
        .set({ resolved_at: at })
        .where('id', 'in', [...ids])
        .where('resolved_at', 'is', null)
        .execute()
    },

    /** A rule that holds no more is violated no more. */
    async resolveOfRule(ruleId: string, at: Date): Promise<void> {
      await db
        .updateTable('policy_violations')
        .set({ resolved_at: at })
        .where('rule_id', '=', ruleId)
        .where('resolved_at', 'is', null)
        .execute()
    },

    async resolveOfCertificate(certificateId: string, at: Date): Promise<void> {
      await db
        .updateTable('policy_violations')
        .set({ resolved_at: at })
        .where('certificate_id', '=', certificateId)
        .where('resolved_at', 'is', null)
        .execute()
    },

    async countOpenOfRule(ruleId: string): Promise<number> {
      const { count } = await db
        .selectFrom('policy_violations')
        .select(({ fn }) => fn.countAll<string>().as('count'))
        .where('rule_id', '=', ruleId)
        .where('resolved_at', 'is', null)
        .executeTakeFirstOrThrow()
      return Number(count)
    },

    /** Of one rule, oldest first; open ones unless asked for all. */
    async page(
      { ruleId, withResolved = false }: { ruleId: string; withResolved?: boolean | undefined },
      request: PageRequest,
    ): Promise<Page<PolicyViolationRow>> {
      const query = db
        .selectFrom('policy_violations')
        .select(columns)
        .where('rule_id', '=', ruleId)
        .$if(!withResolved, (narrowed) => narrowed.where('resolved_at', 'is', null))
      return await readPage(
        query,
        { columns: ['created_at', 'id'], startOf: (row) => ({ value: row.created_at.toISOString(), id: row.id }) },
        request,
      )
    },
  }
}
