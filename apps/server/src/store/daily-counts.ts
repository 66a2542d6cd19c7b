import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { CertificateStatus } from './certificate-filter.js'
import type { Schema } from './schema.js'

export interface CertificateCounts {
  byStatus: Readonly<Record<CertificateStatus, number>>
  /** Issued, not revoked, not ended. */
  valid: number
  /** Of those, how many end on this day or before. */
  endingBy: number
}

export interface DayCount {
  /** `2026-01-31`, in UTC. */
  day: string
  word: string
  count: number
}

type Question = 'expires' | 'expiring' | 'jobs' | 'issued' | 'placements'

/** How many, answered from small tables by day: what was folded into them, and what was not yet. */
export function dailyCountsTable(db: Kysely<Schema>) {
  return {
    /** Exact at this moment: of today only what an index has is counted live. */
    async certificates(now: Date, endingBy: Date = now): Promise<CertificateCounts> {
      return certificateCountsOf(await readSums(db, now, endingBy))
    },

    /** Days without any are left out; `to` is the last day, not the first one after. */
    async byDay(question: Question, { from, to }: { from: Date; to: Date }): Promise<DayCount[]> {
      const { rows } = await sql<DayCount>`
        select day::text as day, word, sum(n)::integer as count from (${told([question])}) as told
        where day between utc_day(${from}) and utc_day(${to}) group by day, word having sum(n) <> 0 order by day, word`.execute(
        db,
      )
      return rows
    },

    /** Over all days. */
    async byWord(question: Question): Promise<{ word: string; count: number }[]> {
      const { rows } = await sql<{ word: string; count: number }>`
        select word, sum(n)::integer as count from (${told([question])}) as told group by word having sum(n) <> 0 order by word`.execute(
        db,
      )
      return rows
    },

    /** Adds what changed to the days' rows. Returns how many changes there were; 0 also where another copy does it. */
    async fold(now: Date): Promise<number> {
      const { rows } = await sql<{ folded: number }>`select fold_counts(utc_day(${now})) as folded`.execute(db)
      return rows[0]?.folded ?? 0
    },

    /** Counts everything and corrects what differs. Returns how many counts were wrong. */
    async reconcile(now: Date): Promise<number> {
      const { rows } = await sql<{ wrong: number }>`select reconcile_counts(utc_day(${now})) as wrong`.execute(db)
      return rows[0]?.wrong ?? 0
    },

    /** Makes the rows of lists anew for the next certificates after this id. Returns the last one, absent at the end, and how many rows were wrong; those that only had no text yet were not. */
    async reconcileListed(after: string, limit: number): Promise<{ last?: string | undefined; wrong: number }> {
      const { rows } = await sql<{ last: string | null; wrong: number }>`
        with known as (select id from certificates where id > ${after} order by id limit ${limit})
        select (select max(id) from known) as last, greatest(0, refresh_listed_certificates(array(select id from known))
          - (select count(*)::integer from listed_certificates where item is null and id in (select id from known))) as wrong`.execute(
        db,
      )
      return { last: rows[0]?.last ?? undefined, wrong: rows[0]?.wrong ?? 0 }
    },
  }
}

function told(questions: readonly Question[]): RawBuilder<unknown> {
  const asked = sql`question = any(${[...questions]}::text[])`
  return sql`select question, day, word, n from daily_counts where ${asked}
    union all select question, day, word, n from count_changes where ${asked}`
}

interface Sums {
  word: string
  total: number
  ended: number
  ending: number
  expiring: number
}

/** By standing: all, those that have ended, those that end by that day, those that are expiring or have been. */
async function readSums(db: Kysely<Schema>, now: Date, endingBy: Date): Promise<Sums[]> {
  const { rows } = await sql<Sums>`
    select told.word, sum(n) filter (where question = 'expires')::integer as total,
      (coalesce(sum(n) filter (where question = 'expires' and day < utc_day(${now})), 0) + ${today('expires_at', now)})::integer as ended,
      coalesce(sum(n) filter (where question = 'expires' and day <= utc_day(${endingBy})), 0)::integer as ending,
      (coalesce(sum(n) filter (where question = 'expiring' and day < utc_day(${now})), 0) + ${today('expiring_at', now)})::integer as expiring
    from (${told(['expires', 'expiring'])}) as told group by told.word`.execute(db)
  return rows
}

function today(column: 'expires_at' | 'expiring_at', now: Date): RawBuilder<unknown> {
  const at = sql.ref(`l.${column}`)
  return sql`case when told.word in ('issued', 'renewing') then (select count(*) from listed_certificates l
    where l.standing = told.word and l.standing in ('issued', 'renewing')
      and ${at} >= utc_day(${now})::timestamp at time zone 'utc' and ${at} <= ${now}) else 0 end`
}

function certificateCountsOf(rows: readonly Sums[]): CertificateCounts {
  const none = { total: 0, ended: 0, ending: 0, expiring: 0 }
  const of = (word: string) => rows.find((row) => row.word === word) ?? none
  const issued = of('issued')
  const renewing = of('renewing')
  const expiring = Math.max(issued.expiring, issued.ended)
  const valid = issued.total + renewing.total - issued.ended - renewing.ended
  return {
    byStatus: {
      Pending: of('pending').total,
      RenewalInProgress: renewing.total - renewing.ended,
      Active: issued.total - expiring,
      Expiring: expiring - issued.ended,
      Expired: issued.ended + renewing.ended,
      Revoked: of('revoked').total,
      Archived: of('archived').total,
      Failed: of('failed').total,
    },
    valid,
    endingBy: Math.max(0, issued.ending + renewing.ending - issued.ended - renewing.ended),
  }
}
