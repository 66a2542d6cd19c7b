import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { type ByKey, lockByKey, rowsByKey } from './by-key.js'
import { jobClaims } from './job-claims.js'
import { jobColumns } from './job-columns.js'
import { literals } from './kept-plans.js'
import { type Page, type PageRequest, readPage } from './page.js'
import type { PlacementRow } from './placements.js'
import { insertInto, updateById } from './row-writes.js'
import type { JobResult, JobsTable, Schema } from './schema.js'

export type JobRow = Selectable<JobsTable>
export type JobKind = JobRow['kind']
export type JobState = JobRow['state']

export interface JobFilter {
  states?: readonly JobState[] | undefined
  /** Of `done` ones. */
  outcomes?: readonly NonNullable<JobRow['outcome']>[] | undefined
  kinds?: readonly JobKind[] | undefined
  /** Issuance of a holder that has no version yet, or renewal of one that has. */
  renewal?: boolean | undefined
  certificateId?: string | undefined
  targetId?: string | undefined
  agentId?: string | undefined
}

const open = ['waiting_csr', 'waiting_approval', 'ready', 'active'] as const
const isOpen = sql<boolean>`state in (${sql.join(open.map((state) => sql.lit(state)))})`

const byId = rowsByKey('id', (build, isIt) => build.selectFrom('jobs').select(jobColumns).where(isIt))
const locked = lockByKey('id', (build, isIt) =>
  build.selectFrom('jobs').select(jobColumns).where(isIt).forNoKeyUpdate(),
)
const openIssueOfHolder = rowsByKey('holder_id', (build, isOfHolder) =>
  build
    .selectFrom('jobs')
    .select(jobColumns)
    .where(isOfHolder)
    .where('placement_id', 'is', null)
    .where('kind', '=', sql.lit('issue'))
    .where(isOpen)
    .forNoKeyUpdate(),
)
const openOfCertificate = (kind: 'issue' | 'deploy'): ByKey<JobRow> =>
  rowsByKey('certificate_id', (build, isOfCertificate) =>
    build
      .selectFrom('jobs')
      .select(jobColumns)
      .where(isOfCertificate)
      .where('kind', '=', sql.lit(kind))
      .where(isOpen)
      .orderBy('created_at')
      .orderBy('id'),
  )
const openOfKind = { issue: openOfCertificate('issue'), deploy: openOfCertificate('deploy') }
const insert = insertInto('jobs', { json: ['result'], unless: '' })
const update = updateById('jobs', { json: ['result'] })

export function jobsTable(db: Kysely<Schema>) {
  return {
    /** Writes a job, or returns the one that is open for the same holder or placement and kind. */
    async insert(row: Insertable<JobsTable>): Promise<{ id: string; created: boolean }> {
      if (await insert(db, row)) return { id: row.id, created: true }
      const existing = await db
        .selectFrom('jobs')
        .select('id')
        .where('kind', '=', row.kind)
        .where('state', 'in', [...open])
        .where((where) =>
          row.placement_id == null
            ? where.and([where('holder_id', '=', row.holder_id ?? ''), where('placement_id', 'is', null)])
            : where('placement_id', '=', row.placement_id),
        )
        .executeTakeFirst()
      return { id: existing?.id ?? row.id, created: false }
    },

    async get(id: string): Promise<JobRow | undefined> {
      return (await byId(db, id))[0]
    },

    /** Locks the row until the transaction ends: the last lock anybody takes. */
    async lock(id: string): Promise<JobRow | undefined> {
      return (await locked(db, id))[0]
    },

    async lockOpenIssueOfHolder(holderId: string): Promise<JobRow | undefined> {
      return (await openIssueOfHolder(db, holderId))[0]
    },

    async findOpenOfPlacement(placementId: string, kind: JobKind): Promise<JobRow | undefined> {
      return await db
        .selectFrom('jobs')
        .select(jobColumns)
        .where('placement_id', '=', placementId)
        .where('kind', '=', kind)
        .where('state', 'in', [...open])
        .executeTakeFirst()
    },

    async hasOpenOfPlacement(placementId: string): Promise<boolean> {
      const row = await db
        .selectFrom('jobs')
        .select('id')
        .where('placement_id', '=', placementId)
        .where('state', 'in', [...open])
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },

    async listOpenOfCertificate(certificateId: string, kind: 'issue' | 'deploy'): Promise<JobRow[]> {
      return await openOfKind[kind](db, certificateId)
    },

    async update(id: string, changes: Updateable<JobsTable>): Promise<void> {
      await update(db, id, changes)
    },

    /** A ready job that would run later runs then. Returns whether it was put forward. */
    async bringForward(id: string, to: Date): Promise<boolean> {
      const { numUpdatedRows } = await db
        .updateTable('jobs')
        .set({ run_at: to })
        .where('id', '=', id)
        .where('state', '=', 'ready')
        .where('run_at', '>', to)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    /** So many ready orders at this issuer that were put off with this code run then; what somebody else has is passed over. Returns how many. */
    async bringForwardOfIssuer(
      issuerId: string,
      { code, to, limit }: { code: string; to: Date; limit: number },
    ): Promise<number> {
      const putOff = db
        .selectFrom('jobs')
        .select('id')
        .where('kind', '=', 'issue')
        .where('state', '=', 'ready')
        .where('run_at', '>', to)
        .where('last_error_code', '=', code)
        .where('order_id', 'in', ({ selectFrom }) =>
          selectFrom('orders').select('id').where('issuer_id', '=', issuerId).where('state', '=', 'open'),
        )
        .limit(limit)
        .forUpdate()
        .skipLocked()
      const { numUpdatedRows } = await db
        .updateTable('jobs')
        .set({ run_at: to })
        .where('id', 'in', putOff)
        .executeTakeFirst()
      return Number(numUpdatedRows)
    },

    /** All there were for one challenge, newest first. */
    async listOfChallenge(challengeId: string): Promise<JobRow[]> {
      return await db
        .selectFrom('jobs')
        .select(jobColumns)
        .where('challenge_id', '=', challengeId)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .execute()
    },

    /** Agents of the first protocol report no fingerprint: what they were handed last is remembered with their deployments of it. */
    async noteOffered(agentId: string, certificateId: string, fingerprint: string): Promise<void> {
      await db
        .updateTable('jobs')
        .set({ result: JSON.stringify({ offered: fingerprint }) })
        .where('agent_id', '=', agentId)
        .where('certificate_id', '=', certificateId)
        .where('kind', '=', 'deploy')
        .where('state', '=', 'active')
        .execute()
    },

    /** What a look that came after the deployment of that moment says of whether it is served; what was proven before stays. */
    async noteProof(
      { id, certificate_id, deployed_at }: Pick<PlacementRow, 'id' | 'certificate_id' | 'deployed_at'>,
      proof: Pick<JobResult, 'verification' | 'unverifiable'>,
    ): Promise<void> {
      await db
        .updateTable('jobs')
        .set({ result: sql`coalesce(result, '{}') || ${JSON.stringify(proof)}::jsonb` })
        .where('certificate_id', '=', certificate_id)
        .where('placement_id', '=', id)
        .where('kind', '=', 'deploy')
        .where('state', '=', 'done')
        .where('completed_at', '=', deployed_at)
        .where(sql<boolean>`result -> 'verification' is null`)
        .execute()
    },

    /** Open jobs end as cancelled. A deployment that is under way keeps its lease and bound, since it goes on somewhere. */
    async cancel(
      of: { column: 'holder_id' | 'placement_id' | 'target_id' | 'agent_id' | 'certificate_id' | 'id'; value: string },
      {
        at,
        reason,
        kinds,
        states = open,
      }: { at: Date; reason: string; kinds?: readonly JobKind[]; states?: readonly JobState[] },
    ): Promise<JobRow[]> {
      return await db
        .updateTable('jobs')
        .set({ state: 'cancelled', completed_at: at, last_error: reason })
        .where(of.column, '=', of.value)
        .where('state', 'in', [...states])
        .$if(kinds !== undefined, (narrowed) => narrowed.where('kind', 'in', [...(kinds ?? [])]))
        .returning(jobColumns)
        .execute()
    },

    /** The soonest moment at which a job of this agent that is not due yet will be. */
    async nextRunOfAgent(agentId: string, now: Date): Promise<Date | undefined> {
      const row = await db
        .selectFrom('jobs')
        .select(({ fn }) => fn.min('run_at').as('at'))
        .where('agent_id', '=', agentId)
        .where('state', 'in', literals('waiting_csr', 'ready'))
        .where('run_at', '>', now)
        .executeTakeFirst()
      return row?.at ?? undefined
    },

    /** Agents and server kinds with leases that ran out: who to wake. */
    async listExpired(now: Date, limit: number): Promise<{ id: string; agent_id: string | null; kind: JobKind }[]> {
      return await db
        .selectFrom('jobs')
        .select(['id', 'agent_id', 'kind'])
        .where('state', '=', 'active')
        .where('locked_until', '<', now)
        .orderBy('locked_until')
        .limit(limit)
        .execute()
    },

    /** CSRs that were asked for before `since`, or that took half of what was left of the current certificate, and did not come. `after` is an id. */
    async listOverdueCsr(
      { since, now }: { since: Date; now: Date },
      { after, limit }: { after: string; limit: number },
    ): Promise<JobRow[]> {
      return await db
        .selectFrom('jobs')
        .leftJoin('holders', 'holders.id', 'jobs.holder_id')
        .leftJoin('versions', 'versions.id', 'holders.current_version_id')
        .select(jobColumns.map((column) => `jobs.${column}` as const))
        .where('jobs.kind', '=', 'issue')
        .where('jobs.state', '=', 'waiting_csr')
        .where('jobs.id', '>', after)
        .where(({ or, eb }) =>
          or([
            eb('jobs.run_at', '<', since),
            sql<boolean>`jobs.run_at + (versions.not_after - jobs.run_at) / 2 < ${now} and jobs.run_at < ${now}`,
          ]),
        )
        .orderBy('jobs.id')
        .limit(limit)
        .execute()
    },

    async countOpen(): Promise<{ waiting: number; active: number }> {
      const { rows } = await sql<{ waiting: number; active: number }>`
        select count(*) filter (where state <> 'active')::int as waiting, count(*) filter (where state = 'active')::int as active
        from jobs where state not in ('done', 'cancelled')`.execute(db)
      return rows[0] ?? { waiting: 0, active: 0 }
    },

    /** Newest first. */
    async page(filter: JobFilter, request: PageRequest): Promise<Page<JobRow>> {
      const { states, outcomes, kinds, renewal, certificateId, targetId, agentId } = filter
      const query = db
        .selectFrom('jobs')
        .select(jobColumns)
        .$if(states !== undefined, (narrowed) => narrowed.where('state', 'in', [...(states ?? [])]))
        .$if(outcomes !== undefined, (narrowed) => narrowed.where('outcome', 'in', [...(outcomes ?? [])]))
        .$if(kinds !== undefined, (narrowed) => narrowed.where('kind', 'in', [...(kinds ?? [])]))
        .$if(renewal !== undefined, (narrowed) => narrowed.where('renewal', '=', renewal === true))
        .$if(certificateId !== undefined, (narrowed) => narrowed.where('certificate_id', '=', certificateId ?? ''))
        .$if(targetId !== undefined, (narrowed) => narrowed.where('target_id', '=', targetId ?? ''))
        .$if(agentId !== undefined, (narrowed) => narrowed.where('agent_id', '=', agentId ?? ''))
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

    /** Ended before `before`, and no bound of theirs still runs. Returns how many went. */
    async purge(before: Date, limit: number): Promise<number> {
      const { numDeletedRows } = await db
        .deleteFrom('jobs')
        .where('id', 'in', ({ selectFrom }) =>
          selectFrom('jobs')
            .select('id')
            .where('state', 'in', ['done', 'cancelled'])
            .where('completed_at', '<', before)
            .orderBy('completed_at')
            .limit(limit)
            .forNoKeyUpdate()
            .skipLocked(),
        )
        .executeTakeFirst()
      return Number(numDeletedRows)
    },

    ...jobClaims(db),
  }
}
