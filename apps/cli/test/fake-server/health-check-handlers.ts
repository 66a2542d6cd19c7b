import { type HealthCheck, reply } from '@certctl/api'
import { type Handlers, page } from './handlers.js'
import type { World } from './world.js'

/** Endpoints of this world answer by their host: `down…` is silent, `old…` has a certificate that ended, every other is healthy. */
export function healthCheckHandlers(world: World): Handlers {
  const checks = new Map<string, HealthCheck>()
  const at = () => new Date(world.now()).toISOString()
  const take = (id: string) => looked(world.take(checks, 'health check', id), at())
  const change = (id: string, changes: Partial<HealthCheck>) => {
    checks.set(id, { ...world.take(checks, 'health check', id), ...changes, updated_at: at() })
    return take(id)
  }
  return {
    listHealthChecks: async ({ query }) => {
      const rows = [...checks.keys()].map(take)
      return reply(
        200,
        page(
          rows.filter(({ status }) => (query.status ?? status) === status),
          query,
        ),
      )
    },
    getHealthCheck: async ({ params }) => reply(200, take(params.id)),
    createHealthCheck: async ({ body }) => {
      const id = body.id ?? world.nextId('hc')
      const endpoint = body.endpoint.includes(':') ? body.endpoint : `${body.endpoint}:443`
      checks.set(id, { ...fresh, ...body, id, endpoint, created_at: at(), updated_at: at() } as HealthCheck)
      // Nobody has looked yet.
      return reply(201, world.take(checks, 'health check', id))
    },
    updateHealthCheck: async ({ params, body }) => reply(200, change(params.id, body as Partial<HealthCheck>)),
    deleteHealthCheck: async ({ params }) => {
      take(params.id)
      checks.delete(params.id)
      return reply(204, undefined)
    },
    listHealthCheckHistory: async ({ params }) => {
      const { status, failure_reason: reason } = take(params.id)
      const look = { id: 'hcr-1', health_check_id: params.id, status, response_time_ms: 12, fingerprint: '' }
      return reply(200, { data: [{ ...look, failure_reason: reason, checked_at: at() }], total: 1 })
    },
    acknowledgeHealthCheck: async ({ params, body, principal: { name } }) => {
      const by = body.acknowledged_by ?? name
      return reply(200, change(params.id, { acknowledged: true, acknowledged_by: by, acknowledged_at: at() }))
    },
  }
}

const fresh = {
  expected_fingerprint: '',
  observed_fingerprint: '',
  status: 'unknown',
  failure_reason: '',
  consecutive_failures: 0,
  response_time_ms: 0,
  tls_version: '',
  cipher_suite: '',
  cert_subject: '',
  cert_issuer: '',
  degraded_threshold: 2,
  down_threshold: 5,
  check_interval_seconds: 300,
  timeout_ms: 5000,
  enabled: true,
  source: 'api',
  acknowledged: false,
} as const

function looked(check: HealthCheck, at: string): HealthCheck {
  const seen = { ...check, last_checked_at: at, response_time_ms: 12 }
  if (check.endpoint.startsWith('down'))
    return { ...seen, status: 'down', consecutive_failures: 7, failure_reason: 'connection refused' }
  const cert = { tls_version: 'TLSv1.3', cipher_suite: 'TLS_AES_256_GCM_SHA384', observed_fingerprint: 'ab'.repeat(32) }
  if (check.endpoint.startsWith('old'))
    return { ...seen, ...cert, status: 'degraded', failure_reason: 'Its certificate ended at 2026-01-30T00:00:00.000Z' }
  return { ...seen, ...cert, status: 'healthy' }
}
