import type { Kysely } from 'kysely'
import type { Schema } from './schema.js'

/** The links of the chains: one row per transaction that recorded something. */
export function auditBatchesTable(db: Kysely<Schema>) {
  return {
    heads: async (): Promise<number[]> => {
      const rows = await db.selectFrom('audit_batches').select('head').distinct().orderBy('head').execute()
      return rows.map(({ head }) => head)
    },
    /** The next batches of a head, in order. */
    slice: async (after: { head: number; batch: number }, limit: number) =>
      await db
        .selectFrom('audit_batches')
        .select(['head', 'batch', 'size', 'root', 'previous', 'hash', 'at'])
        .where('head', '=', after.head)
        .where('batch', '>', String(after.batch))
        .orderBy('batch')
        .limit(limit)
        .execute(),
  }
}
