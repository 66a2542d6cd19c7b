import type { HealthCheck, HealthHistoryEntry } from '@certctl/api'
import type { Services } from '../services.js'
import type { HealthCheckRow, HealthResultRow, HealthStatus } from '../store/health-checks.js'

/** A check as the wire shows it. One that nobody works off says so: it must not look as if all were well. */
export function healthCheckView({ config }: Pick<Services, 'config'>, row: HealthCheckRow): HealthCheck {
  const isOff = !config.health_check_enabled
  return {
    id: row.id,
    endpoint: row.endpoint,
    ...given('server_name', row.server_name),
    ...given('certificate_id', row.certificate_id),
    ...given('target_id', row.target_id),
    ...given('network_scan_target_id', row.network_scan_target_id),
    expected_fingerprint: row.expected_fingerprint ?? '',
    observed_fingerprint: row.observed_fingerprint ?? '',
    status: row.status,
    failure_reason: isOff ? 'Nobody looks: set CERTCTL_HEALTH_CHECK_ENABLED=true on the server' : row.failure_reason,
    consecutive_failures: row.consecutive_failures,
    response_time_ms: row.response_time_ms,
    tls_version: row.tls_version,
    cipher_suite: row.cipher_suite,
    cert_subject: row.cert_subject,
    cert_issuer: row.cert_issuer,
    ...timesOf(row, isOff),
    degraded_threshold: row.degraded_threshold,
    down_threshold: row.down_threshold,
    check_interval_seconds: row.check_interval_seconds,
    timeout_ms: row.timeout_ms,
    enabled: row.enabled,
    source: row.source,
    acknowledged: row.acknowledged_at !== null,
    ...given('acknowledged_by', row.acknowledged_by),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }
}

function timesOf(row: HealthCheckRow, isOff: boolean) {
  return {
    ...at('cert_expiry', row.cert_expiry),
    ...at('last_checked_at', row.last_checked_at),
    ...at('last_success_at', row.last_success_at),
    ...at('last_failure_at', row.last_failure_at),
    ...at('last_transition_at', row.last_transition_at),
    ...at('next_check_at', isOff || !row.enabled ? null : row.next_check_at),
    ...at('acknowledged_at', row.acknowledged_at),
  }
}

export function healthHistoryView(row: HealthResultRow): HealthHistoryEntry {
  return {
    id: row.id,
    health_check_id: row.health_check_id,
    status: row.status as HealthStatus,
    response_time_ms: row.response_time_ms,
    fingerprint: row.fingerprint ?? '',
    failure_reason: row.failure_reason,
    checked_at: row.checked_at.toISOString(),
  }
}

function given<K extends string>(name: K, value: string | null): Partial<Record<K, string>> {
  return value === null ? {} : ({ [name]: value } as Record<K, string>)
}

function at<K extends string>(name: K, value: Date | null): Partial<Record<K, string>> {
  return given(name, value === null ? null : value.toISOString())
}
