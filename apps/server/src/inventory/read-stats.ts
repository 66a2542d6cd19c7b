import type { JobTrend, Metrics, StatsSummary } from '@certctl/api'
import type { Services } from '../services.js'
import type { CertificateStatus } from '../store/certificate-filter.js'
import type { Counts } from '../store/counts.js'
import type { DayCount } from '../store/daily-counts.js'
import { silentMs } from './agent-view.js'

type Asked = Pick<Services, 'store' | 'clock'>

const dayMs = 86_400_000
const soonMs = 30 * dayMs

export async function readSummary({ store, clock }: Asked): Promise<StatsSummary> {
  const now = clock.now()
  const [{ byStatus }, counts, ended] = await Promise.all([
    store.dailyCounts.certificates(now),
    store.counts.all(countTimes(now)),
    endedJobs(store),
  ])
  return {
    total_certificates: counts.certificates.total,
    expiring_certificates: byStatus.Expiring,
    expired_certificates: byStatus.Expired,
    revoked_certificates: byStatus.Revoked,
    active_agents: counts.agents.online,
    offline_agents: counts.agents.total - counts.agents.online,
    total_agents: counts.agents.total,
    pending_jobs: openJobs(counts),
    failed_jobs: ended.failed,
    complete_jobs: ended.completed,
    notifications_dead: counts.deadNotifications,
    completed_at: now.toISOString(),
  }
}

/** Statuses that no certificate has are left out. */
export async function readByStatus({ store, clock }: Asked): Promise<{ status: CertificateStatus; count: number }[]> {
  const { byStatus } = await store.dailyCounts.certificates(clock.now())
  const statuses = Object.keys(byStatus) as CertificateStatus[]
  return statuses.map((status) => ({ status, count: byStatus[status] })).filter(({ count }) => count > 0)
}

/** Today and the days after it. */
export async function readTimeline({ store, clock }: Asked, days: number): Promise<{ date: string; count: number }[]> {
  const from = clock.now()
  const to = new Date(from.getTime() + (days - 1) * dayMs)
  const counts = await store.dailyCounts.byDay('expires', { from, to })
  const live = counts.filter(({ word }) => word === 'issued' || word === 'renewing')
  return daysOf(from, days).map((date) => ({ date, count: sumOf(live, date) }))
}

/** The days up to today. */
export async function readJobTrends({ store, clock }: Asked, days: number): Promise<JobTrend[]> {
  const { from, to } = lastDays(clock.now(), days)
  const counts = await store.dailyCounts.byDay('jobs', { from, to })
  return daysOf(from, days).map((date) => {
    const completed = sumOf(counts.filter(isCompleted), date)
    const failed = sumOf(counts.filter(isFailed), date)
    const rate = completed + failed === 0 ? 0 : (100 * completed) / (completed + failed)
    return { date, completed_count: completed, failed_count: failed, success_rate: rate }
  })
}

export async function readIssuanceRate(
  { store, clock }: Asked,
  days: number,
): Promise<{ date: string; issued_count: number }[]> {
  const { from, to } = lastDays(clock.now(), days)
  const counts = await store.dailyCounts.byDay('issued', { from, to })
  return daysOf(from, days).map((date) => ({ date, issued_count: sumOf(counts, date) }))
}

/** `startedAt`: when this copy began. */
export async function readMetrics({ store, clock }: Asked, startedAt: Date): Promise<Metrics> {
  const now = clock.now()
  const [counts, ended] = await Promise.all([store.counts.all(countTimes(now)), endedJobs(store)])
  const { total, active, expiring, expired, revoked } = counts.certificates
  return {
    gauge: {
      certificate_total: total,
      certificate_active: active,
      certificate_expiring_soon: expiring,
      certificate_expired: expired,
      certificate_revoked: revoked,
      agent_total: counts.agents.total,
      agent_online: counts.agents.online,
      job_pending: openJobs(counts),
    },
    counter: {
      job_completed_total: ended.completed,
      job_failed_total: ended.failed,
      notifications_dead_total: counts.deadNotifications,
    },
    uptime: {
      uptime_seconds: (now.getTime() - startedAt.getTime()) / 1000,
      server_started: startedAt.toISOString(),
      measured_at: now.toISOString(),
    },
  }
}

/** The moments that counts of rows are compared with. */
export function countTimes(now: Date) {
  return {
    now,
    expiringBy: new Date(now.getTime() + soonMs),
    onlineSince: new Date(now.getTime() - silentMs),
    overdueSince: new Date(now.getTime() - dayMs),
  }
}

async function endedJobs(store: Services['store']): Promise<{ completed: number; failed: number }> {
  const words = await store.dailyCounts.byWord('jobs')
  const sum = (rows: typeof words) => rows.reduce((total, { count }) => total + count, 0)
  return { completed: sum(words.filter(isCompleted)), failed: sum(words.filter(isFailed)) }
}

const isCompleted = ({ word }: { word: string }): boolean => word === 'done' || word === 'superseded'
const isFailed = ({ word }: { word: string }): boolean => word === 'failed' || word === 'refused'

function openJobs({ jobs }: Counts): number {
  return jobs.reduce((sum, { count }) => sum + count, 0)
}

function lastDays(to: Date, days: number): { from: Date; to: Date } {
  return { from: new Date(to.getTime() - (days - 1) * dayMs), to }
}

function daysOf(from: Date, days: number): string[] {
  return Array.from({ length: days }, (_, index) => new Date(from.getTime() + index * dayMs).toISOString().slice(0, 10))
}

function sumOf(counts: readonly DayCount[], date: string): number {
  return counts.reduce((sum, { day, count }) => (day === date ? sum + count : sum), 0)
}
