import type { HealthCheckRow, HealthStatus } from '../store/health-checks.js'
import type { EndpointVerdict } from './judge-endpoint.js'

type Known = Pick<HealthCheckRow, 'status' | 'consecutive_failures' | 'degraded_threshold' | 'down_threshold'>

/**
 * What one more look makes of an endpoint. Silence may be weather and counts up to the thresholds; a certificate that clients refuse
 * degrades it at once, and is as bad as silence when it stays; another certificate than expected is a state of its own.
 */
export function nextHealth(known: Known, { outcome }: EndpointVerdict): { status: HealthStatus; failures: number } {
  if (outcome === 'healthy') return { status: 'healthy', failures: 0 }
  const failures = known.consecutive_failures + 1
  if (outcome === 'mismatch') return { status: 'cert_mismatch', failures }
  if (failures >= known.down_threshold) return { status: 'down', failures }
  const isDegraded = outcome === 'bad' || failures >= known.degraded_threshold
  return { status: isDegraded ? 'degraded' : known.status, failures }
}
