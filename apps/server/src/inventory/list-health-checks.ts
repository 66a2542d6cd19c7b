import type { HealthCheck, HealthHistoryEntry } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { HealthCheckFilter, HealthStatus } from '../store/health-checks.js'
import type { Page, PageRequest } from '../store/page.js'
import { healthCheckView, healthHistoryView } from './health-check-view.js'

export async function listHealthChecks(
  services: Services,
  filter: HealthCheckFilter,
  request: PageRequest,
): Promise<Page<HealthCheck>> {
  const page = await services.store.healthChecks.page(filter, request)
  return { ...page, rows: page.rows.map((row) => healthCheckView(services, row)) }
}

export async function getHealthCheck(services: Services, id: string): Promise<HealthCheck> {
  const row = await services.store.healthChecks.get(id)
  if (row === undefined) throw unknownHealthCheck(id)
  return healthCheckView(services, row)
}

/** How many there are of each state, and in all. */
export async function summarizeHealthChecks(services: Services): Promise<Record<HealthStatus | 'total', number>> {
  const summary = { healthy: 0, degraded: 0, down: 0, cert_mismatch: 0, unknown: 0, total: 0 }
  for (const { status, count } of await services.store.healthChecks.countByStatus()) {
    summary[status] = count
    summary.total += count
  }
  return summary
}

/** The last looks, newest first, and how many are kept. */
export async function healthHistory(
  services: Services,
  { id, limit }: { id: string; limit: number },
): Promise<{ data: HealthHistoryEntry[]; total: number }> {
  if ((await services.store.healthChecks.get(id)) === undefined) throw unknownHealthCheck(id)
  const { rows, total } = await services.store.healthChecks.history(id, limit)
  return { data: rows.map(healthHistoryView), total }
}

export function unknownHealthCheck(id: string): CertctlError {
  return new CertctlError('not_found', `No health check "${id}"; list them with: certctl health-checks list`)
}
