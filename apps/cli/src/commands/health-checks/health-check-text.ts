import type { HealthCheck } from '@certctl/api'
import { fieldsText } from '../../output/table.js'
import { timeText } from '../../output/time-text.js'

/** One check, field by field. */
export function healthCheckText(check: HealthCheck, now: Date): string {
  return fieldsText([
    ['id', check.id],
    ['endpoint', check.endpoint],
    ['server name', check.server_name],
    ['status', check.status],
    ['because', check.failure_reason || undefined],
    ['failures', check.consecutive_failures === 0 ? undefined : String(check.consecutive_failures)],
    ['certificate', check.certificate_id],
    ['target', check.target_id],
    ['expected', check.expected_fingerprint || undefined],
    ['observed', check.observed_fingerprint || undefined],
    ['subject', check.cert_subject || undefined],
    ['issuer', check.cert_issuer || undefined],
    ['ends', timeText(check.cert_expiry, now)],
    ['tls', [check.tls_version, check.cipher_suite].filter(Boolean).join(' ') || undefined],
    ['took', check.last_checked_at === undefined ? undefined : `${check.response_time_ms} ms`],
    ['checked', timeText(check.last_checked_at, now)],
    ['changed', timeText(check.last_transition_at, now)],
    ['next', timeText(check.next_check_at, now)],
    ['every', `${check.check_interval_seconds} s, at most ${check.timeout_ms} ms`],
    ['thresholds', `degraded at ${check.degraded_threshold}, down at ${check.down_threshold}`],
    ['enabled', check.enabled],
    ['made by', check.source === 'auto' ? 'the target' : undefined],
    ['acknowledged', check.acknowledged ? `${check.acknowledged_by ?? ''} ${check.acknowledged_at ?? ''}` : undefined],
  ])
}
