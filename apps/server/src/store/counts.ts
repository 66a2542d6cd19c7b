import { type Kysely, sql } from 'kysely'
import { dailyCountsTable } from './daily-counts.js'
import type { Schema } from './schema.js'

export interface Counts {
  certificates: { total: number; active: number; expiring: number; expired: number; revoked: number }
  agents: { total: number; online: number }
  jobs: readonly { kind: string; state: string; count: number; oldestSeconds: number }[]
  placements: readonly { state: string; count: number }[]
  renewals: { due: number; overdue: number }
  deadNotifications: number
}

/** What Prometheus is told of the rows: a handful of counts, asked when somebody looks. */
export function countsTable(db: Kysely<Schema>) {
  const daily = dailyCountsTable(db)
  return {
    all: async (times: CountTimes): Promise<Counts> => {
      const [certificates, single, jobs, placements] = await Promise.all([
        daily.certificates(times.now, times.expiringBy),
        singleCounts(db, times),
        jobCounts(db, times.now),
        daily.byWord('placements'),
      ])
      const { byStatus, valid, endingBy } = certificates
      const { Archived: _archived, ...live } = byStatus
      return {
        certificates: {
          total: Object.values(live).reduce((sum, count) => sum + count, 0),
          active: valid,
          expiring: endingBy,
          expired: byStatus.Expired,
          revoked: byStatus.Revoked,
        },
        ...single,
        jobs,
        placements: placements.map(({ word, count }) => ({ state: word, count })),
      }
    },
  }
}

export interface CountTimes {
  now: Date
  expiringBy: Date
  onlineSince: Date
  overdueSince: Date
}

async function singleCounts(
  db: Kysely<Schema>,
  { now, onlineSince, overdueSince }: CountTimes,
): Promise<Pick<Counts, 'agents' | 'renewals' | 'deadNotifications'>> {
  const { rows } = await sql<Record<string, number>>`
    select
      (select count(*)::integer from agents where retired_at is null) as agents,
      (select count(*)::integer from agents where retired_at is null and last_heartbeat_at >= ${onlineSince}) as online,
      (select count(*)::integer from holders where closed_at is null and renew_at <= ${now}) as due,
      (select count(*)::integer from holders where closed_at is null and renew_at <= ${overdueSince}) as overdue,
      (select count(*)::integer from notifications where state = 'dead') as dead`.execute(db)
  const row = rows[0] ?? {}
  const of = (name: string): number => row[name] ?? 0
  return {
    agents: { total: of('agents'), online: of('online') },
    renewals: { due: of('due'), overdue: of('overdue') },
    deadNotifications: of('dead'),
  }
}

async function jobCounts(db: Kysely<Schema>, now: Date): Promise<Counts['jobs']> {
  const { rows } = await sql<Counts['jobs'][number]>`
    select kind, state, count(*)::integer as count,
      greatest(0, extract(epoch from ${now}::timestamptz - min(run_at)))::double precision as "oldestSeconds"
    from jobs where state not in ('done', 'cancelled') group by kind, state`.execute(db)
  return rows
}
