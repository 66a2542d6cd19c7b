import type { HealthCheck } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import { createId } from '../store/create-id.js'
import type { HealthCheckRow } from '../store/health-checks.js'
import type { Tx } from '../store/store.js'
import { fieldFault } from './field-fault.js'
import { healthCheckView } from './health-check-view.js'
import { endpointText, parseEndpoint, parseServerName } from './parse-endpoint.js'

export interface NewHealthCheck {
  id?: string | undefined
  endpoint: string
  server_name?: string | undefined
  certificate_id?: string | undefined
  network_scan_target_id?: string | undefined
  expected_fingerprint?: string | undefined
  check_interval_seconds?: number | undefined
  timeout_ms?: number | undefined
  degraded_threshold: number
  down_threshold: number
  enabled: boolean
}

/** Adds an endpoint to look at, at once. Throws `request_malformed` naming the field, and `conflict` for an id that is taken. */
export async function createHealthCheck(
  services: Services,
  { given, actor }: { given: NewHealthCheck; actor: Actor },
): Promise<HealthCheck> {
  const endpoint = endpointText(parseEndpoint(given.endpoint))
  requireOrder(given)
  return await services.store.transaction(async (tx) => {
    await requireCertificate(tx, given.certificate_id)
    const id = await freeId(tx, given.id)
    const { config } = services
    const written = await tx.healthChecks.insert({
      id,
      endpoint,
      server_name: given.server_name === undefined ? null : parseServerName(given.server_name),
      certificate_id: given.certificate_id ?? null,
      network_scan_target_id: given.network_scan_target_id ?? null,
      expected_fingerprint: given.expected_fingerprint || null,
      degraded_threshold: given.degraded_threshold,
      down_threshold: given.down_threshold,
      enabled: given.enabled,
      check_interval_seconds: given.check_interval_seconds ?? config.health_check_default_interval,
      timeout_ms: given.timeout_ms ?? config.health_check_default_timeout,
      next_check_at: tx.now,
      created_at: tx.now,
      updated_at: tx.now,
    })
    if (!written) throw new CertctlError('conflict', `There is, or was, a health check "${id}"; choose another id`)
    tx.audit.append({
      actor,
      action: 'health_check.created',
      resource_type: 'health_check',
      resource_id: id,
      details: { endpoint, certificate_id: given.certificate_id },
    })
    return healthCheckView(services, (await tx.healthChecks.get(id)) as HealthCheckRow)
  })
}

// The route of the summary is one that a check of this id would hide behind.
const reserved = 'summary'

async function freeId(tx: Tx, asked: string | undefined): Promise<string> {
  if (asked === undefined) return createId('hc', tx.now)
  if (asked === reserved) throw fieldFault('id', `"${reserved}" is the name of another route; choose another id`)
  return asked
}

/** What is down is degraded, too. */
export function requireOrder(given: { degraded_threshold: number; down_threshold: number }): void {
  if (given.degraded_threshold > given.down_threshold)
    throw fieldFault('degraded_threshold', `must not be above down_threshold, which is ${given.down_threshold}`)
}

export async function requireCertificate(tx: Tx, id: string | null | undefined): Promise<void> {
  if (id == null || (await tx.certificates.get(id)) !== undefined) return
  throw fieldFault('certificate_id', `there is no certificate "${id}"; list them with: certctl certificates list`)
}
