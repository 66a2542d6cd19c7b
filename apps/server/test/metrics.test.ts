import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createMetrics } from '../src/metrics.js'
import { watchRows } from '../src/metrics-of-rows.js'
import { createTestServices, type TestServices } from './postgres.js'

describe('metrics', () => {
  it('count what this copy did, under the names that dashboards know', async () => {
    const metrics = createMetrics()
    metrics.issuanceEnded({ issuerType: 'local', outcome: 'issued', seconds: 0.2 })
    metrics.issuanceEnded({ issuerType: 'local', outcome: 'failed', seconds: 3, code: 'policy_denied' })
    metrics.jobEnded({ kind: 'deploy', outcome: 'done' })
    metrics.jobEnded({ kind: 'deploy', outcome: 'failed' })
    metrics.jobEnded({ kind: 'issue', outcome: 'superseded' })
    metrics.requestSeen({ method: 'GET', route: '/api/v1/certificates/{id}', status: 200, seconds: 0.004 })
    const text = await metrics.text()
    for (const line of [
      'certctl_issuance_total{issuer_type="local",outcome="issued"} 1',
      'certctl_issuance_failures_total{issuer_type="local",error_class="policy_denied"} 1',
      'certctl_issuance_duration_seconds_count{issuer_type="local"} 2',
      'certctl_job_completed_total{kind="deploy"} 1',
      'certctl_job_completed_total{kind="issue"} 1',
      'certctl_job_failed_total{kind="deploy"} 1',
      'certctl_http_request_duration_seconds_count{method="GET",route="/api/v1/certificates/{id}",status="200"} 1',
    ])
      expect(text).toContain(line)
  })

  it('of two copies in one process do not mix', async () => {
    const [one, other] = [createMetrics(), createMetrics()]
    one.jobEnded({ kind: 'issue', outcome: 'done' })
    expect(await other.text()).not.toContain('kind="issue"')
  })

  it('still answer when something cannot be read, and count that', async () => {
    const metrics = createMetrics()
    metrics.beforeScrape(async () => {
      throw new Error('the database is gone')
    })
    expect(await metrics.text()).toContain('certctl_scrape_failures_total 1')
  })
})

describe('metrics of rows', () => {
  let services: TestServices
  beforeAll(async () => {
    services = await createTestServices()
    watchRows({ ...services, poolUsage: () => ({ total: 3, idle: 2, waiting: 0 }) })
  })
  afterAll(async () => await services.close())

  it('say how much there is, of this process and of the database', async () => {
    services.clock.advance(90)
    const text = await services.metrics.text()
    for (const line of [
      'certctl_uptime_seconds 90',
      'certctl_database_connections{state="idle"} 2',
      'certctl_certificate_total 0',
      'certctl_certificate_expiring_soon 0',
      'certctl_agent_online 0',
      'certctl_job_pending 0',
      'certctl_renewals_overdue 0',
      'certctl_notification_dead_total 0',
      'certctl_scrape_failures_total 0',
    ])
      expect(text).toContain(line)
    expect(text).toMatch(/certctl_event_loop_lag_seconds \d/)
  })

  it('count agents by when they were last heard of', async () => {
    const now = services.clock.now()
    const agent = (id: string, heardSecondsAgo: number) => ({
      id,
      name: id,
      key_hash: Buffer.from(id),
      registered_at: now,
      last_heartbeat_at: new Date(now.getTime() - heardSecondsAgo * 1000),
    })
    await services.store.transaction(async (tx) => {
      await tx.agents.insert(agent('ag-here', 10))
      await tx.agents.insert(agent('ag-away', 3600))
    })
    services.clock.advance(10)
    const text = await services.metrics.text()
    expect(text).toContain('certctl_agent_total 2')
    expect(text).toContain('certctl_agent_online 1')
  })

  it('ask the database once for scrapers that come together', async () => {
    services.clock.advance(60)
    await services.metrics.text()
    await services.store.transaction(async (tx) => {
      await tx.agents.insert({ id: 'ag-3', name: 'ag-3', key_hash: Buffer.from('3'), registered_at: tx.now })
    })
    expect(await services.metrics.text()).toContain('certctl_agent_total 2')
    services.clock.advance(6)
    expect(await services.metrics.text()).toContain('certctl_agent_total 3')
  })
})
