import type { HealthCheck } from '@certctl/api'
import { resolveAlert } from '../lifecycle/resolve-alert.js'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { HealthCheckRow } from '../store/health-checks.js'
import type { Tx } from '../store/store.js'
import { requireCertificate, requireOrder } from './create-health-check.js'
import { healthCheckView } from './health-check-view.js'
import { unknownHealthCheck } from './list-health-checks.js'
import { endpointText, parseEndpoint, parseServerName } from './parse-endpoint.js'
import { healthSubject } from './record-health.js'

export interface HealthCheckChanges {
  endpoint?: string | undefined
  server_name?: string | null | undefined
  certificate_id?: string | null | undefined
  network_scan_target_id?: string | null | undefined
  expected_fingerprint?: string | null | undefined
  check_interval_seconds?: number | undefined
  timeout_ms?: number | undefined
  degraded_threshold?: number | undefined
  down_threshold?: number | undefined
  enabled?: boolean | undefined
}

interface Change {
  id: string
  changes: HealthCheckChanges
  actor: Actor
  /** Looks at what a GET would answer now, before anything is written. */
  check: (view: HealthCheck) => void
}

/** Changes what is given; null clears. Whatever decides what is seen there begins anew: the state is unknown until the next look, which is at once. */
export async function updateHealthCheck(services: Services, change: Change): Promise<HealthCheck> {
  const { id, actor } = change
  return await services.store.transaction(async (tx) => {
    const before = await lockHealthCheck(tx, id)
    change.check(healthCheckView(services, before))
    const changes = changedFields(change.changes)
    await requireCertificate(tx, changes.certificate_id)
    const after = { ...before, ...changes }
    requireOrder(after)
    const isOther = beginsAnew(before, after)
    await tx.healthChecks.update(id, {
      ...changes,
      updated_at: tx.now,
      next_check_at: tx.now,
      claim: null,
      ...(isOther ? { status: 'unknown', failure_reason: '', consecutive_failures: 0 } : {}),
      ...(isElsewhere(before, after) ? nothingSeen : {}),
    })
    if (isOther) await closeAlert(tx, before, 'is looked at anew')
    audit(tx, { actor, action: 'health_check.updated', row: before, details: { ...change.changes } })
    return healthCheckView(services, (await tx.healthChecks.get(id)) as HealthCheckRow)
  })
}

/** Stops looking. One that was made for a target's endpoint stays known as unwanted, else it would be made again. */
export async function deleteHealthCheck(
  services: Services,
  { id, actor }: { id: string; actor: Actor },
): Promise<void> {
  await services.store.transaction(async (tx) => {
    const row = await lockHealthCheck(tx, id)
    if (row.source === 'auto') await tx.healthChecks.update(id, { removed_at: tx.now, next_check_at: null })
    else await tx.healthChecks.remove(id)
    await closeAlert(tx, row, 'is not looked at any more')
    audit(tx, { actor, action: 'health_check.deleted', row, details: {} })
  })
}

/** Says that somebody is at it, until the endpoint is healthy again. */
export async function acknowledgeHealthCheck(
  services: Services,
  { id, by, actor }: { id: string; by: string | undefined; actor: Actor },
): Promise<HealthCheck> {
  return await services.store.transaction(async (tx) => {
    const row = await lockHealthCheck(tx, id)
    const name = by === undefined || by === '' ? actor.name : by
    await tx.healthChecks.update(id, { acknowledged_by: name, acknowledged_at: tx.now, updated_at: tx.now })
    audit(tx, { actor, action: 'health_check.acknowledged', row, details: { acknowledged_by: name } })
    return healthCheckView(services, (await tx.healthChecks.get(id)) as HealthCheckRow)
  })
}

async function lockHealthCheck(tx: Tx, id: string): Promise<HealthCheckRow> {
  const row = await tx.healthChecks.lock(id)
  if (row === undefined) throw unknownHealthCheck(id)
  return row
}

function changedFields({ endpoint, server_name, expected_fingerprint: fingerprint, ...rest }: HealthCheckChanges) {
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as typeof rest
  return {
    ...definedOf(given),
    ...(endpoint === undefined ? {} : { endpoint: endpointText(parseEndpoint(endpoint)) }),
    ...(server_name === undefined ? {} : { server_name: server_name === null ? null : parseServerName(server_name) }),
    ...(fingerprint === undefined ? {} : { expected_fingerprint: fingerprint === '' ? null : fingerprint }),
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function definedOf<T extends object>(given: T): Defined<T> {
  return given as Defined<T>
}

const decisive = ['endpoint', 'server_name', 'certificate_id', 'expected_fingerprint', 'enabled'] as const

function beginsAnew(before: HealthCheckRow, after: HealthCheckRow): boolean {
  return decisive.some((name) => before[name] !== after[name])
}

/** Another endpoint has never answered, and nobody is at it. */
function isElsewhere(before: HealthCheckRow, after: HealthCheckRow): boolean {
  return before.endpoint !== after.endpoint || before.server_name !== after.server_name
}

const nothingSeen = {
  response_time_ms: 0,
  observed_fingerprint: null,
  tls_version: '',
  cipher_suite: '',
  cert_subject: '',
  cert_issuer: '',
  cert_expiry: null,
  last_checked_at: null,
  last_success_at: null,
  last_failure_at: null,
  acknowledged_by: null,
  acknowledged_at: null,
}

async function closeAlert(tx: Tx, { id, endpoint, target_id, certificate_id }: HealthCheckRow, what: string) {
  await resolveAlert(tx, {
    subject: healthSubject(id),
    type: 'endpoint.closed',
    title: `${endpoint} ${what}`,
    certificateId: certificate_id ?? undefined,
    targetId: target_id ?? undefined,
  })
}

function audit(
  tx: Tx,
  { actor, action, row, details }: { actor: Actor; action: string; row: HealthCheckRow; details: object },
): void {
  tx.audit.append({
    actor,
    action,
    resource_type: 'health_check',
    resource_id: row.id,
    details: { endpoint: row.endpoint, ...details },
  })
}
