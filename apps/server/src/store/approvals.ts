import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { rowsByKey } from './by-key.js'
import { type Page, type PageRequest, readPage } from './page.js'
import type { ApprovalsTable, Schema } from './schema.js'

const columns = [
  'id',
  'certificate_id',
  'job_id',
  'order_id',
  'profile_id',
  'requested_by',
  'requested_by_person',
  'barred_persons',
  'state',
  'shown',
  'bound',
  'decided_by',
  'decided_by_person',
  'decided_at',
  'decision_note',
  'expires_at',
  'created_at',
  'updated_at',
] as const

export type ApprovalRow = Selectable<ApprovalsTable>

const pendingOf = (column: 'job_id' | 'order_id') =>
  rowsByKey(column, (build, isIts) =>
    build.selectFrom('approvals').select(columns).where(isIts).where('state', '=', sql.lit('pending')),
  )
const pendingOfJob = pendingOf('job_id')
const pendingOfOrder = pendingOf('order_id')

export interface ApprovalFilter {
  states?: readonly ApprovalRow['state'][] | undefined
  certificateId?: string | undefined
  requestedBy?: string | undefined
}

export function approvalsTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<ApprovalsTable>): Promise<void> {
      await db.insertInto('approvals').values(row).execute()
    },

    async get(id: string): Promise<ApprovalRow | undefined> {
      return await db.selectFrom('approvals').select(columns).where('id', '=', id).executeTakeFirst()
    },

    /** Locks the row until the transaction ends, after the job: of two decisions the second sees the first. */
    async lock(id: string): Promise<ApprovalRow | undefined> {
      return await db.selectFrom('approvals').select(columns).where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
    },

    async findPendingOfJob(jobId: string): Promise<ApprovalRow | undefined> {
      return (await pendingOfJob(db, jobId))[0]
    },

    async findPendingOfOrder(orderId: string): Promise<ApprovalRow | undefined> {
      return (await pendingOfOrder(db, orderId))[0]
    },

    async listApproved(orderId: string): Promise<Pick<ApprovalRow, 'bound' | 'shown'>[]> {
      return await db
        .selectFrom('approvals')
        .select(['bound', 'shown'])
        .where('order_id', '=', orderId)
        .where('state', '=', 'approved')
        .execute()
    },

    async listExpired(now: Date, limit: number): Promise<{ id: string }[]> {
      return await db
        .selectFrom('approvals')
        .select('id')
        .where('state', '=', 'pending')
        .where('expires_at', '<=', now)
        .orderBy('expires_at')
        .limit(limit)
        .execute()
    },

    /** Jobs that wait for a decision which nobody is asked for go to the gate again. Returns how many. */
    async releaseForgotten(now: Date): Promise<number> {
      const { numUpdatedRows } = await db
        .updateTable('jobs')
        .set({ state: 'ready', run_at: now })
        .where('state', '=', 'waiting_approval')
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('approvals')
                .select('approvals.id')
                .whereRef('approvals.job_id', '=', 'jobs.id')
                .where('approvals.state', '=', 'pending'),
            ),
          ),
        )
        .executeTakeFirst()
      return Number(numUpdatedRows)
    },

    /** Changes one that is not decided yet. Returns whether it did: of two that decide at once one does. */
    async settle(id: string, changes: Updateable<ApprovalsTable>): Promise<boolean> {
      const { numUpdatedRows } = await db
        .updateTable('approvals')
        .set(changes)
        .where('id', '=', id)
        .where('state', '=', 'pending')
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    /** Newest first. */
    async page(filter: ApprovalFilter, request: PageRequest): Promise<Page<ApprovalRow>> {
      const { states, certificateId, requestedBy } = filter
      const query = db
        .selectFrom('approvals')
        .select(columns)
        .$if(states !== undefined, (narrowed) => narrowed.where('state', 'in', [...(states ?? [])]))
        .$if(certificateId !== undefined, (narrowed) => narrowed.where('certificate_id', '=', certificateId ?? ''))
        .$if(requestedBy !== undefined, (narrowed) => narrowed.where('requested_by', '=', requestedBy ?? ''))
      return await readPage(
        query,
        {
          columns: ['created_at', 'id'],
          descending: true,
          startOf: (row) => ({ value: row.created_at.toISOString(), id: row.id }),
        },
        request,
      )
    },
  }
}
