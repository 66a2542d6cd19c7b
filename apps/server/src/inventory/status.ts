import type { Status } from '@certctl/api'
import type { Services } from '../services.js'
import type { CertificateCounts } from '../store/daily-counts.js'
import { silentMs } from './agent-view.js'
import { placementView } from './placement-view.js'

const mostFailing = 50

/** Whether everything is served as it should be, in one look. */
export async function readStatus({ store, clock, server }: Services): Promise<Status> {
  const now = clock.now()
  const [certificates, states, endpoints, agents, renewals, jobs, failing] = await Promise.all([
    store.dailyCounts.certificates(now),
    store.placements.countByState(),
    store.healthChecks.countUnhealthy(),
    store.agents.countLive(new Date(now.getTime() - silentMs)),
    store.holders.countRenewals(now),
    store.jobs.countOpen(),
    store.placements.listFailing(mostFailing),
  ])
  const of = (state: string): number => states.find((row) => row.state === state)?.count ?? 0
  const { due, overdue, next_at: nextAt } = renewals
  return {
    version: server.version,
    server_time: now.toISOString(),
    certificates: certificatesOf(certificates.byStatus),
    placements: {
      pending: of('pending'),
      deploying: of('deploying'),
      deployed: of('deployed'),
      served: of('served'),
      drifted: of('drifted'),
      failed: of('failed'),
      unverifiable: of('unverifiable'),
    },
    endpoints,
    agents,
    renewals: { due, overdue, ...(nextAt === null ? {} : { next_at: nextAt.toISOString() }) },
    jobs,
    failing: failing.map((row) => placementView(row, now)),
  }
}

/** Archived ones are no part of what is managed. */
function certificatesOf({ Archived: _archived, ...live }: CertificateCounts['byStatus']): Status['certificates'] {
  return {
    total: Object.values(live).reduce((sum, count) => sum + count, 0),
    active: live.Active + live.RenewalInProgress,
    expiring: live.Expiring,
    expired: live.Expired,
  }
}
