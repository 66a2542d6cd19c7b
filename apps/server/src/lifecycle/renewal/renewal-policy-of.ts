import type { RenewalPolicyRow } from '../../store/renewal-policies.js'
import type { Tables } from '../../store/tables.js'

export type AlertTier = 'informational' | 'warning' | 'critical'

/** When and how a certificate is renewed, and who is told what. */
export interface RenewalPolicy {
  /** Absent: nobody wrote one for it. */
  name?: string | undefined
  /** Absent: by the lifetime alone. */
  windowDays?: number | undefined
  autoRenew: boolean
  /** So many failures in a row are weather. */
  alertAfter: number
  firstPauseSeconds: number
  thresholdsDays: readonly number[]
  /** Absent for a tier: every notifier is told. */
  channels: Readonly<Partial<Record<AlertTier, readonly string[]>>>
  tierOf(thresholdDays: number): AlertTier
}

/** The id of the policy for certificates that name none; where nobody made it, what is built in holds. */
export const defaultPolicyId = 'rp-default'

export const builtInPolicy: RenewalPolicy = {
  autoRenew: true,
  alertAfter: 3,
  firstPauseSeconds: 60,
  thresholdsDays: [30, 14, 7, 0],
  channels: {},
  tierOf: usualTier,
}

export async function renewalPolicyOf(
  { renewalPolicies }: Pick<Tables, 'renewalPolicies'>,
  { renewal_policy_id: id }: { renewal_policy_id: string | null },
): Promise<RenewalPolicy> {
  const row = await renewalPolicies.get(id ?? defaultPolicyId)
  return row === undefined ? builtInPolicy : policyOf(row)
}

function policyOf(row: RenewalPolicyRow): RenewalPolicy {
  return {
    name: row.name,
    windowDays: row.renewal_window_days,
    autoRenew: row.auto_renew,
    alertAfter: Math.max(row.max_retries, 1),
    firstPauseSeconds: row.retry_interval_seconds,
    thresholdsDays: row.alert_thresholds_days,
    channels: row.alert_channels,
    tierOf: (threshold) => tiers.find((tier) => tier === row.alert_severity_map[threshold]) ?? usualTier(threshold),
  }
}

/** A certificate that is served nowhere yet is tried again after a minute, whatever its policy says of renewals. */
export function firstPauseOf(policy: RenewalPolicy, serving: object | undefined): number | undefined {
  return serving === undefined ? undefined : policy.firstPauseSeconds
}

const tiers: readonly AlertTier[] = ['informational', 'warning', 'critical']

function usualTier(thresholdDays: number): AlertTier {
  if (thresholdDays <= 0) return 'critical'
  return thresholdDays < 30 ? 'warning' : 'informational'
}
