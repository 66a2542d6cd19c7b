import { type Kysely, type Selectable, sql } from 'kysely'
import type { CertificateFilter } from './certificate-filter.js'
import { matchingCertificateIds } from './certificate-list.js'
import { type Page, type PageRequest, readPage } from './page.js'
import type { BulkItemsTable, Schema } from './schema.js'

const columns = ['job_id', 'certificate_id', 'state', 'code', 'message', 'result_job_id'] as const

export type BulkItemRow = Selectable<BulkItemsTable>
export type BulkItemState = BulkItemRow['state']
export type SettledItem = Omit<BulkItemRow, 'job_id'>

/** Which certificates a bulk operation is about, and what became of each. */
export function bulkItemsTable(db: Kysely<Schema>) {
  return {
    /** Fixes the set in one statement: every certificate that matches now, and no other. Returns how many. */
    async insertMatching(jobId: string, filter: CertificateFilter): Promise<number> {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('bulk_items')
        .columns(['job_id', 'certificate_id', 'state'])
        .expression(
          db
            .selectFrom(matchingCertificateIds(db, filter).as('matching'))
            .select([sql<string>`${jobId}`.as('job_id'), 'matching.id', sql<BulkItemState>`'pending'`.as('state')]),
        )
        .executeTakeFirst()
      return Number(numInsertedOrUpdatedRows ?? 0n)
    },

    /** Ids that no certificate has are kept as failed, so that nobody thinks they were done. Returns how many. */
    async insertUnknown(jobId: string, ids: readonly string[]): Promise<number> {
      const { numAffectedRows } = await sql`
        insert into bulk_items (job_id, certificate_id, state, code, message)
        select distinct ${jobId}, named.id, 'failed', 'not_found', 'There is no certificate ' || named.id
        from unnest(${[...ids]}::text[]) as named (id)
        where not exists (select 1 from certificates where certificates.id = named.id)`.execute(db)
      return Number(numAffectedRows ?? 0n)
    },

    /** How many would match, without an item written. */
    async countMatching(filter: CertificateFilter): Promise<number> {
      const row = await db
        .selectFrom(matchingCertificateIds(db, filter).as('matching'))
        .select(({ fn }) => fn.countAll<string>().as('count'))
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },

    /** Pending ones that nobody else has in hand, in the order of their ids; locked until the transaction ends, so that each is done once. */
    async takePending(jobId: string, limit: number): Promise<string[]> {
      const rows = await db
        .selectFrom('bulk_items')
        .select('certificate_id')
        .where('job_id', '=', jobId)
        .where('state', '=', 'pending')
        .orderBy('certificate_id')
        .limit(limit)
        .forUpdate()
        .skipLocked()
        .execute()
      return rows.map((row) => row.certificate_id)
    },

    async hasPending(jobId: string): Promise<boolean> {
      const row = await db
        .selectFrom('bulk_items')
        .select('certificate_id')
        .where('job_id', '=', jobId)
        .where('state', '=', 'pending')
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },

    async settle(jobId: string, items: readonly SettledItem[]): Promise<void> {
      if (items.length === 0) return
      const column = <Key extends keyof SettledItem>(key: Key) => items.map((item) => item[key])
      await sql`
        update bulk_items set state = settled.state, code = settled.code, message = settled.message,
          result_job_id = settled.result_job_id
        from unnest(${column('certificate_id')}::text[], ${column('state')}::text[], ${column('code')}::text[],
          ${column('message')}::text[], ${column('result_job_id')}::text[])
          as settled (certificate_id, state, code, message, result_job_id)
        where bulk_items.job_id = ${jobId} and bulk_items.certificate_id = settled.certificate_id`.execute(db)
    },

    async list(jobId: string, { state, limit }: { state: BulkItemState; limit: number }): Promise<BulkItemRow[]> {
      return await db
        .selectFrom('bulk_items')
        .select(columns)
        .where('job_id', '=', jobId)
        .where('state', '=', state)
        .orderBy('certificate_id')
        .limit(limit)
        .execute()
    },

    /** In the order of their certificates' ids. */
    async page(
      { jobId, state }: { jobId: string; state?: BulkItemState | undefined },
      request: PageRequest,
    ): Promise<Page<BulkItemRow>> {
      const query = db
        .selectFrom('bulk_items')
        .select(columns)
        .where('job_id', '=', jobId)
        .$if(state !== undefined, (narrowed) => narrowed.where('state', '=', state as BulkItemState))
      const startOf = (row: BulkItemRow) => ({ value: row.certificate_id, id: row.certificate_id })
      return await readPage(query, { columns: ['certificate_id', 'certificate_id'], startOf }, request)
    },
  }
}
