import { type Kysely, sql } from 'kysely'
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
  return {
    all: async ({ now, expiringBy, onlineSince, overdueSince }: CountTimes): Promise<Counts> => {
      const [single, jobs, placements] = await Promise.all([
        singleCounts(db, { now, expiringBy, onlineSince, overdueSince }),
        jobCounts(db, now),
        placementCounts(db),
      ])
      return { ...single, jobs, placements }
    },
  }
}

export interface CountTimes {
  now: Date
  expiringBy: Date
  onlineSince: Date
  overdueSince: Date
}

async function singleCounts(db: Kysely<Schema>, times: CountTimes): Promise<Omit<Counts, 'jobs' | 'placements'>> {
  const { now, expiringBy, onlineSince, overdueSince } = times
  const { rows } = await sql<Record<string, number>>`
    select
      (select count(*)::integer from certificates where archived_at is null) as total,
      count(*) filter (where revoked_at is null and not_after >= ${now})::integer as active,
      count(*) filter (where revoked_at is null and not_after >= ${now} and not_after < ${expiringBy})::integer as expiring,
      count(*) filter (where revoked_at is null and not_after < ${now})::integer as expired,
      (select count(*)::integer from versions where revoked_at is not null) as revoked,
      (select count(*)::integer from agents where retired_at is null) as agents,
      (select count(*)::integer from agents where retired_at is null and last_heartbeat_at >= ${onlineSince}) as online,
      (select count(*)::integer from holders where closed_at is null and renew_at <= ${now}) as due,
      (select count(*)::integer from holders where closed_at is null and renew_at <= ${overdueSince}) as overdue,
      (select count(*)::integer from notifications where state = 'dead') as dead
    from versions where standing = 'current'`.execute(db)
  const row = rows[0] ?? {}
  const of = (name: string): number => row[name] ?? 0
  return {
    certificates: {
      total: of('total'),
      active: of('active'),
      expiring: of('expiring'),
      expired: of('expired'),
      revoked: of('revoked'),
    },
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

async function placementCounts(db: Kysely<Schema>): Promise<Counts['placements']> {
  const { rows } = await sql<Counts['placements'][number]>`
    select state, count(*)::integer as count from placements where removed_at is null group by state`.execute(db)
  return rows
}
