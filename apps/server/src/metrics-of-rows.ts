import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Gauge } from 'prom-client'
import { countTimes } from './inventory/read-stats.js'
import type { Metrics } from './metrics.js'
import type { Services } from './services.js'

export interface Watched extends Pick<Services, 'store' | 'clock' | 'metrics'> {
  poolUsage(): { total: number; idle: number; waiting: number }
}

/** Several scrapers, or an impatient one, cost the database one question. */
const freshMs = 5000

/** Gauges of rows, of the pool and of this process, each read when somebody asks. */
export function watchRows({ store, clock, metrics, poolUsage }: Watched): void {
  const startedAt = clock.now().getTime()
  const gauges = createGauges(metrics)
  const lag = monitorEventLoopDelay({ resolution: 20 })
  lag.enable()
  let readAt = Number.NEGATIVE_INFINITY

  metrics.beforeScrape(async () => {
    const now = clock.now()
    gauges.uptime.set((now.getTime() - startedAt) / 1000)
    gauges.lag.set(lag.max / 1e9)
    lag.reset()
    for (const [state, count] of Object.entries(poolUsage())) gauges.pool.set({ state }, count)
    if (now.getTime() - readAt < freshMs) return
    readAt = now.getTime()
    setCounts(gauges, await store.counts.all(countTimes(now)))
  })
}

type Counts = Awaited<ReturnType<Services['store']['counts']['all']>>
type Gauges = ReturnType<typeof createGauges>

function createGauges(metrics: Metrics) {
  const gauge = (name: string, help: string, labels?: string[]): Gauge => metrics.gauge(`certctl_${name}`, help, labels)
  return {
    uptime: gauge('uptime_seconds', 'Since this copy started.'),
    lag: gauge('event_loop_lag_seconds', 'Longest pause of the event loop since the last answer.'),
    pool: gauge('database_connections', 'Connections of this copy to the database.', ['state']),
    total: gauge('certificate_total', 'Certificates under management.'),
    active: gauge('certificate_active', 'Certificates that are issued, not revoked and not ended.'),
    expiring: gauge('certificate_expiring_soon', 'Of those, how many end within 30 days, by day.'),
    expired: gauge('certificate_expired', 'Certificates that have ended.'),
    revoked: gauge('certificate_revoked', 'Certificates revoked.'),
    agents: gauge('agent_total', 'Agents that are not retired.'),
    online: gauge('agent_online', 'Of those, how many were heard of within two minutes.'),
    pending: gauge('job_pending', 'Jobs that are not done.'),
    queue: gauge('job_queue', 'Jobs that are not done, by kind and state.', ['kind', 'state']),
    age: gauge('job_queue_oldest_seconds', 'How long the oldest of them is due.', ['kind', 'state']),
    placements: gauge('placements', 'Certificates on targets, by state.', ['state']),
    due: gauge('renewals_due', 'Holders whose renewal time has come.'),
    overdue: gauge('renewals_overdue', 'Of those, how many for more than a day.'),
    dead: gauge('notification_dead_total', 'Notifications given up.'),
  }
}

function setCounts(gauges: Gauges, counts: Counts): void {
  const { certificates, agents, renewals } = counts
  gauges.total.set(certificates.total)
  gauges.active.set(certificates.active)
  gauges.expiring.set(certificates.expiring)
  gauges.expired.set(certificates.expired)
  gauges.revoked.set(certificates.revoked)
  gauges.agents.set(agents.total)
  gauges.online.set(agents.online)
  gauges.due.set(renewals.due)
  gauges.overdue.set(renewals.overdue)
  gauges.dead.set(counts.deadNotifications)
  gauges.pending.set(counts.jobs.reduce((sum, { count }) => sum + count, 0))
  for (const gauge of [gauges.queue, gauges.age, gauges.placements]) gauge.reset()
  for (const { kind, state, count, oldestSeconds } of counts.jobs) {
    gauges.queue.set({ kind, state }, count)
    gauges.age.set({ kind, state }, oldestSeconds)
  }
  for (const { state, count } of counts.placements) gauges.placements.set({ state }, count)
}
