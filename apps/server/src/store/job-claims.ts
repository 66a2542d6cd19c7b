import { type Kysely, type RawBuilder, sql, type Updateable } from 'kysely'
import { jobColumns } from './job-columns.js'
import type { JobKind, JobRow, JobState } from './jobs.js'
import { literals, unseenTexts } from './kept-plans.js'
import type { JobsTable, Schema } from './schema.js'

export interface ServerClaim {
  kinds: readonly JobKind[]
  server: string
  now: Date
  until: Date
  limit: number
  /** Jobs of these issuers are passed over; an empty text stands for those that have none. */
  except?: readonly string[] | undefined
}

export interface ClaimedJob extends JobRow {
  /** Whom its order is for; null where it has none. */
  issuer_id: string | null
}

export interface AgentClaim {
  id: string
  agentId: string
  now: Date
  until: Date
  boundUntil?: Date | undefined
  generation?: number | undefined
}

/** What agents do, besides making CSRs. */
const agentKinds = ['deploy', 'challenge', 'verify', 'test', 'scan'] as const
const mostOffered = 300

/** Of a row of `jobs`. */
const issuerOfOrder = sql<string | null>`(select issuer_id from orders where orders.id = jobs.order_id)`

const isNoneOf = (ids: readonly string[]) => sql<boolean>`id <> all(${unseenTexts(ids)})`

const byUrgency = (a: JobRow, b: JobRow): number =>
  a.priority - b.priority || a.run_at.getTime() - b.run_at.getTime() || (a.id < b.id ? -1 : 1)

/** The fence around jobs: claiming gives a fresh lease, and whoever ends a job says which lease it has. */
export function jobClaims(db: Kysely<Schema>) {
  return {
    /** The server's own kinds, most urgent first: ready ones, and active ones whose lease is over. Each gets a fresh lease, and the claim counts as an attempt. For its moment it may hold more rows than it takes: so many of each kind. */
    async claimForServer({ kinds, server, now, until, limit, except = [] }: ServerClaim): Promise<ClaimedJob[]> {
      const isPassedOver = sql<boolean>`coalesce(${issuerOfOrder}, '') = any(${unseenTexts(except)})`
      const locked = (some: readonly JobKind[], isDue: RawBuilder<boolean>) => {
        const found = db
          .selectFrom('jobs')
          .select(['id', 'priority', 'run_at'])
          .where('kind', 'in', literals(...some))
          .where(isDue)
          .$if(except.length > 0, (each) => each.where(({ not }) => not(isPassedOver)))
          .orderBy('priority')
          .orderBy('run_at')
          .orderBy('id')
          .limit(limit)
          .forUpdate()
          .skipLocked()
        return db.selectFrom(found.as('found')).selectAll()
      }
      const late = locked(kinds, sql<boolean>`state = 'active' and locked_until < ${now}`)
      // One kind at a time, an index has them in this order, however many are due.
      const ready = kinds.map((kind) => locked([kind], sql<boolean>`state = 'ready' and run_at <= ${now}`))
      const claimed = await db
        .with('due', () =>
          ready
            .reduce((all, each) => all.unionAll(each), late)
            .orderBy('priority')
            .orderBy('run_at')
            .orderBy('id')
            .limit(limit),
        )
        .updateTable('jobs')
        .from('due')
        .set(({ eb, fn, val }) => ({
          state: 'active',
          lease: sql<string>`gen_random_uuid()::text`,
          locked_by: server,
          locked_until: until,
          attempts: eb('attempts', '+', 1),
          started_at: fn.coalesce('started_at', val(now)),
        }))
        .whereRef('jobs.id', '=', 'due.id')
        .returning([...jobColumns.map((column) => `jobs.${column}` as const), issuerOfOrder.as('issuer_id')])
        .execute()
      // What an update returns comes in the order of its plan.
      return claimed.toSorted(byUrgency)
    },

    /**
     * What this agent may be offered, the most urgent of each kind first: CSRs it is asked for, ready jobs, active ones whose lease and
     * bound are over, and what is leased to it and not listed under `holding` (where it says what it holds). Nothing is locked yet.
     */
    async listOffered(
      agentId: string,
      { now, holding }: { now: Date; holding: readonly string[] | undefined },
    ): Promise<JobRow[]> {
      return await db
        .selectFrom('jobs')
        .select(jobColumns)
        .where('agent_id', '=', agentId)
        .where('state', 'in', literals('waiting_csr', 'ready', 'active'))
        .where(({ or, and, eb }) => {
          const isDropped = holding === undefined ? [] : [isNoneOf(holding)]
          return or([
            and([
              eb('kind', '=', sql.lit('issue')),
              eb('state', '=', sql.lit('waiting_csr')),
              eb('run_at', '<=', now),
              or([eb('locked_until', 'is', null), eb('locked_until', '<', now), ...isDropped]),
            ]),
            and([
              eb('kind', 'in', literals(...agentKinds)),
              // What cannot begin as long as a target is off would take the places of what can.
              or([
                eb('kind', '<>', sql.lit('deploy')),
                sql<boolean>`exists (select 1 from targets where targets.id = target_id and enabled and retired_at is null)`,
              ]),
              or([
                and([eb('state', '=', sql.lit('ready')), eb('run_at', '<=', now)]),
                and([
                  eb('state', '=', sql.lit('active')),
                  or([
                    sql<boolean>`greatest(locked_until, bound_until) < ${now}`,
                    ...isDropped.map((dropped) => and([eb('locked_by', '=', agentId), dropped])),
                  ]),
                ]),
              ]),
            ]),
          ])
        })
        // Of deployments one target may have any number that wait for it; they keep nothing else waiting.
        .orderBy(sql`kind = 'deploy'`)
        .orderBy('priority')
        .orderBy('run_at')
        .orderBy('id')
        .limit(mostOffered)
        .execute()
    },

    /** Whether a deployment to this target is under way under somebody's lease or bound, be its job cancelled or not. */
    async targetIsBusy(
      targetId: string,
      { now, except }: { now: Date; except: { agentId: string; holding: readonly string[] | undefined } },
    ): Promise<boolean> {
      const row = await db
        .selectFrom('jobs')
        .select('id')
        .where('target_id', '=', targetId)
        .where('kind', '=', sql.lit('deploy'))
        .where('state', 'in', literals('active', 'cancelled'))
        .where('locked_until', 'is not', null)
        .where(sql<boolean>`greatest(locked_until, bound_until) >= ${now}`)
        .where(({ not, and, eb }) =>
          except.holding === undefined
            ? sql<boolean>`true`
            : not(and([eb('locked_by', '=', except.agentId), isNoneOf(except.holding)])),
        )
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },

    /** A fresh lease for an agent; the claim counts as an attempt. A job that waits for a CSR keeps waiting, leased in place. */
    async claimForAgent({ id, agentId, now, until, boundUntil, generation }: AgentClaim): Promise<JobRow | undefined> {
      return await db
        .updateTable('jobs')
        .set(({ eb, fn, val }) => ({
          state: sql<JobState>`case when state = 'waiting_csr' then state else 'active' end`,
          lease: sql<string>`gen_random_uuid()::text`,
          locked_by: agentId,
          locked_until: until,
          bound_until: boundUntil ?? null,
          generation: sql<number>`coalesce(${generation ?? null}::integer, generation)`,
          attempts: eb('attempts', '+', 1),
          started_at: fn.coalesce('started_at', val(now)),
          result: null,
        }))
        .where('id', '=', id)
        .where('agent_id', '=', agentId)
        .where('state', 'in', literals('waiting_csr', 'ready', 'active'))
        .returning(jobColumns)
        .executeTakeFirst()
    },

    /** Prolongs what this agent says it holds, never beyond a bound. */
    async prolongForAgent(
      agentId: string,
      { ids, now, until }: { ids: readonly string[]; now: Date; until: Date },
    ): Promise<void> {
      if (ids.length === 0) return
      await db
        .updateTable('jobs')
        .set({ locked_until: sql<Date>`least(coalesce(bound_until, ${until}::timestamptz), ${until}::timestamptz)` })
        .where(sql<boolean>`id = any(${[...ids]}::text[])`)
        .where('agent_id', '=', agentId)
        .where('locked_by', '=', agentId)
        .where('state', 'in', ['waiting_csr', 'active'])
        .where((where) => where.or([where('bound_until', 'is', null), where('bound_until', '>', now)]))
        .execute()
    },

    /** Returns the leases that are still ours. */
    async prolong(leases: readonly string[], until: Date): Promise<string[]> {
      if (leases.length === 0) return []
      const rows = await db
        .updateTable('jobs')
        .set({ locked_until: until })
        .where('lease', 'in', [...leases])
        .where('state', '=', 'active')
        .returning('lease')
        .execute()
      return rows.flatMap((row) => (row.lease === null ? [] : [row.lease]))
    },

    /** The fence: changes an active job only under the lease it was claimed with. Returns whether it did. */
    async settle(claim: { id: string; lease: string }, changes: Updateable<JobsTable>): Promise<boolean> {
      const { numUpdatedRows } = await db
        .updateTable('jobs')
        .set(changes)
        .where('id', '=', claim.id)
        .where('lease', '=', claim.lease)
        .where('state', '=', 'active')
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
  }
}
