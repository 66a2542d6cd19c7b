import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import type { BulkOperationsTable, Schema } from './schema.js'

const columns = [
  'job_id',
  'action',
  'criteria',
  'arguments',
  'actor',
  'total',
  'done',
  'skipped',
  'failed',
  'created_at',
] as const

export type BulkOperationRow = Selectable<BulkOperationsTable>

/** What became of so many items. */
export interface BulkCounts {
  done: number
  skipped: number
  failed: number
}

// Whoever waits for it comes before those who ask later: of a row that many share in turn, nobody would get hold.
const lockOf = (jobId: string) => sql`hashtextextended(${`certctl bulk ${jobId}`}, 0)`

/** One wish for many certificates; its items are rows of `bulk_items`. */
export function bulkOperationsTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<BulkOperationsTable>): Promise<void> {
      await db.insertInto('bulk_operations').values(row).execute()
    },

    async get(jobId: string): Promise<BulkOperationRow | undefined> {
      return await db.selectFrom('bulk_operations').select(columns).where('job_id', '=', jobId).executeTakeFirst()
    },

    /** Locks it until the transaction ends, for whoever counts or cancels: no item is in hand then. The first lock anybody takes. */
    async lock(jobId: string): Promise<void> {
      await sql`select pg_advisory_xact_lock(${lockOf(jobId)})`.execute(db)
    },

    /** Keeps `lock` away until the transaction ends, for whoever does an item, beside others who do theirs. The first lock anybody takes. */
    async hold(jobId: string): Promise<void> {
      await sql`select pg_advisory_xact_lock_shared(${lockOf(jobId)})`.execute(db)
    },

    async setTotal(jobId: string, { total, failed }: { total: number; failed: number }): Promise<void> {
      await db.updateTable('bulk_operations').set({ total, failed }).where('job_id', '=', jobId).execute()
    },

    async add(jobId: string, { done, skipped, failed }: BulkCounts): Promise<void> {
      await sql`update bulk_operations set done = done + ${done}, skipped = skipped + ${skipped}, failed = failed + ${failed}
        where job_id = ${jobId}`.execute(db)
    },

    /** From the items themselves: whoever died may have done some that it did not add. */
    async recount(jobId: string): Promise<void> {
      await sql`
        update bulk_operations set done = counted.done, skipped = counted.skipped, failed = counted.failed
        from (
          select count(*) filter (where state = 'done')::int as done, count(*) filter (where state = 'skipped')::int as skipped,
            count(*) filter (where state = 'failed')::int as failed
          from bulk_items where job_id = ${jobId}
        ) counted
        where job_id = ${jobId}`.execute(db)
    },
  }
}
