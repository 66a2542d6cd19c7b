import { type Kysely, type Selectable, sql } from 'kysely'
import type { CertificateFilter } from './certificate-filter.js'
import { matchingCertificateIds } from './certificate-list.js'
import { type Page, type PageRequest, readPage } from './page.js'
import type { BulkItemsTable, Schema } from './schema.js'

const columns = ['job_id', 'certificate_id', 'state', 'code', 'message', 'result_job_id'] as const

export type BulkItemRow = Omit<Selectable<BulkItemsTable>, 'id'>
export type BulkItemState = BulkItemRow['state']
export type SettledItem = Omit<BulkItemRow, 'job_id'>

/** What decides whether something is to be done for a certificate. Of its versions, those that open holders have now. */
export interface BulkStanding {
  id: string
  archived: boolean
  owner_id: string | null
  team_id: string | null
  issuing: boolean
  issued: number
  unrevoked: number
  /** Neither revoked nor ended. */
  usable: number
  /** Neither revoked nor ended, earlier ones and those of holders that are gone included. */
  revocable: number
}

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

    /** How many of these ids no certificate has. */
    async countUnknown(ids: readonly string[]): Promise<number> {
      const { rows } = await sql<{ count: number }>`
        select count(distinct named.id)::int as count from unnest(${[...ids]}::text[]) as named (id)
        where not exists (select 1 from certificates where certificates.id = named.id)`.execute(db)
      return rows[0]?.count ?? 0
    },

    /** How many would match, without an item written. */
    async countMatching(filter: CertificateFilter): Promise<number> {
      const row = await db
        .selectFrom(matchingCertificateIds(db, filter).as('matching'))
        .select(({ fn }) => fn.countAll<string>().as('count'))
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },

    /** Pending ones, whoever has them in hand, in the order of their ids. */
    async listPending(jobId: string, limit: number): Promise<string[]> {
      const rows = await db
        .selectFrom('bulk_items')
        .select('certificate_id')
        .where('job_id', '=', jobId)
        .where('state', '=', 'pending')
        .orderBy('certificate_id')
        .limit(limit)
        .execute()
      return rows.map((row) => row.certificate_id)
    },

    /** Takes one in hand until the transaction ends. Returns whether it is pending and nobody else has it. */
    async takePending(jobId: string, certificateId: string): Promise<boolean> {
      const row = await db
        .selectFrom('bulk_items')
        .select('certificate_id')
        .where('id', '=', idOf(jobId, certificateId))
        .where('state', '=', 'pending')
        .forUpdate()
        .skipLocked()
        .executeTakeFirst()
      return row !== undefined
    },

    /** `undefined` where there is no such certificate. */
    async standing(id: string, now: Date): Promise<BulkStanding | undefined> {
      const { rows } = await sql<BulkStanding>`
        select c.id, c.archived_at is not null as archived, c.owner_id, c.team_id,
          exists (select 1 from jobs where jobs.certificate_id = c.id and jobs.kind = 'issue'
            and jobs.state not in ('done', 'cancelled')) as issuing,
          held.issued, held.unrevoked, held.usable,
          (select count(*)::int from versions v where v.certificate_id = c.id and v.standing in ('current', 'previous')
            and v.revoked_at is null and v.not_after > ${now}) as revocable
        from certificates c
        cross join lateral (
          select count(v.id)::int as issued, count(v.id) filter (where v.revoked_at is null)::int as unrevoked,
            count(v.id) filter (where v.revoked_at is null and v.not_after > ${now})::int as usable
          from holders h left join versions v on v.id = h.current_version_id
          where h.certificate_id = c.id and h.closed_at is null
        ) held
        where c.id = ${id}`.execute(db)
      return rows[0]
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

    /** One that is pending still. Returns whether it was. */
    async settle(jobId: string, { certificate_id: certificateId, ...item }: SettledItem): Promise<boolean> {
      const { numUpdatedRows } = await db
        .updateTable('bulk_items')
        .set(item)
        .where('id', '=', idOf(jobId, certificateId))
        .where('state', '=', 'pending')
        .executeTakeFirst()
      return numUpdatedRows === 1n
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

/** As the database makes it. */
function idOf(jobId: string, certificateId: string): string {
  return `${jobId} ${certificateId}`
}
