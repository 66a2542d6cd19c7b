import { fingerprintOf } from '@certctl/pki'
import { systemActor } from '../access/principal.js'
import { raiseAlert } from '../lifecycle/raise-alert.js'
import { resolveAlert } from '../lifecycle/resolve-alert.js'
import { emitEvent } from '../notify/emit-event.js'
import type { Services } from '../services.js'
import { createId } from '../store/create-id.js'
import type { HealthCheckRow, HealthStatus } from '../store/health-checks.js'
import type { Tx } from '../store/store.js'
import type { EndpointLook } from './check-endpoint.js'
import { readCertificate } from './judge-endpoint.js'
import { nextHealth } from './next-health.js'

/** Keeps what a claimed look showed, with its history; a change of state is recorded and told in the same transaction. Does nothing when another look was begun since. */
export async function recordHealth(services: Services, claimed: HealthCheckRow, look: EndpointLook): Promise<void> {
  await services.store.transaction(async (tx) => {
    const check = await tx.healthChecks.lock(claimed.id)
    if (check === undefined || check.claim !== claimed.claim || !check.enabled) return
    const { status, failures } = nextHealth(check, look.verdict)
    const reason = 'reason' in look.verdict ? look.verdict.reason.slice(0, 1000) : ''
    await keep(tx, check, { look, status, failures, reason })
    if (status !== check.status) await tell(tx, check, { status, reason })
  })
}

async function keep(
  tx: Tx,
  check: HealthCheckRow,
  { look, status, failures, reason }: { look: EndpointLook; status: HealthStatus; failures: number; reason: string },
): Promise<void> {
  const isWell = look.verdict.outcome === 'healthy'
  const acknowledged = isWell ? { acknowledged_by: null, acknowledged_at: null } : {}
  await tx.healthChecks.update(check.id, {
    claim: null,
    status,
    failure_reason: reason,
    consecutive_failures: failures,
    response_time_ms: look.responseMs,
    ...(look.leaf === undefined ? {} : seenFields(look, look.leaf)),
    last_checked_at: tx.now,
    ...(isWell ? { last_success_at: tx.now } : { last_failure_at: tx.now }),
    ...(status === check.status ? {} : { last_transition_at: tx.now }),
    ...acknowledged,
  })
  await tx.healthChecks.insertResult({
    id: createId('hcr', tx.now),
    health_check_id: check.id,
    status,
    response_time_ms: look.responseMs,
    fingerprint: look.leaf === undefined ? null : fingerprintOf(look.leaf),
    failure_reason: reason,
    checked_at: tx.now,
  })
}

function seenFields({ tlsVersion = '', cipherSuite = '' }: EndpointLook, leaf: Uint8Array) {
  const certificate = readCertificate(leaf)
  return {
    observed_fingerprint: fingerprintOf(leaf),
    tls_version: tlsVersion,
    cipher_suite: cipherSuite,
    cert_subject: certificate?.subjectText ?? '',
    cert_issuer: certificate?.issuerText ?? '',
    cert_expiry: certificate?.notAfter ?? null,
  }
}

const sentences = {
  unknown: 'is not looked at yet',
  healthy: 'is healthy',
  degraded: 'is degraded',
  down: 'is down',
  cert_mismatch: 'serves another certificate than it should',
} as const satisfies Record<HealthStatus, string>

async function tell(
  tx: Tx,
  check: HealthCheckRow,
  { status, reason }: { status: HealthStatus; reason: string },
): Promise<void> {
  const { id, endpoint } = check
  tx.audit.append({
    actor: systemActor,
    action: 'health_check.changed',
    resource_type: 'health_check',
    resource_id: id,
    details: { endpoint, from: check.status, to: status, reason },
  })
  const event = {
    type: `endpoint.${status}`,
    title: `${endpoint} ${sentences[status]}${reason === '' ? '' : `: ${reason}`}`,
    data: { health_check_id: id, endpoint, from: check.status, to: status, reason },
    certificateId: check.certificate_id ?? undefined,
    targetId: check.target_id ?? undefined,
  }
  const subject = healthSubject(id)
  if (status !== 'healthy') {
    const severity = status === 'degraded' ? 'warning' : 'critical'
    const command = `certctl health-checks show ${id}`
    // One trouble takes the place of another: what was told of the first is over, and is taken back with this.
    return await raiseAlert(tx, { ...event, subject, severity, command, takesOver: 'graver' })
  }
  if (check.status === 'unknown') return void (await emitEvent(tx, { ...event, severity: 'info' }))
  await resolveAlert(tx, { ...event, subject })
}

/** Under which the alerts of a check are open. */
export function healthSubject(id: string): string {
  return `health-check:${id}`
}
