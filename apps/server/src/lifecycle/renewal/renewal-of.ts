import type { HolderRow } from '../../store/holders.js'
import type { VersionRow } from '../../store/versions.js'
import type { RenewalPolicy } from './renewal-policy-of.js'
import { renewalWindow } from './renewal-window.js'

export interface RenewalParts {
  version: Pick<VersionRow, 'received_at' | 'not_after'>
  policy: RenewalPolicy
  /** Of the holder's current version. */
  holder: Pick<HolderRow, 'renewal_window_start' | 'renewal_window_end' | 'renewal_draw'>
  now: Date
  pastSpreadSeconds: number
}

/** The columns that say when a holder's version is renewed, and why then. The draw is the version's, so that asking again moves nothing that nobody moved. */
export function renewalOf({ version, policy, holder, now, pastSpreadSeconds }: RenewalParts): {
  renew_at: Date | null
  renew_at_reason: string
} {
  if (!policy.autoRenew)
    return { renew_at: null, renew_at_reason: `its policy ${policy.name ?? ''} leaves renewals to people` }
  const { renewal_window_start: windowStart, renewal_window_end: windowEnd, renewal_draw: draw } = holder
  const { at, reason } = renewalWindow({
    receivedAt: version.received_at,
    notAfter: version.not_after,
    random: () => (draw ?? 0) / drawRange,
    policyWindowDays: policy.windowDays,
    suggested: windowStart === null || windowEnd === null ? undefined : { windowStart, windowEnd },
    now,
    pastSpreadSeconds,
  })
  return { renew_at: at, renew_at_reason: reason }
}

/**
 * The same where a renewal was planned already, because its policy or what its CA says has changed. What its CA wanted before now is put off
 * by no further question: the earlier time stays.
 */
export function movedRenewal({
  holder,
  ...parts
}: RenewalParts & { holder: Pick<HolderRow, 'renew_at' | 'renew_at_reason'> }): ReturnType<typeof renewalOf> {
  const next = renewalOf({ ...parts, holder })
  const { renew_at, renew_at_reason, renewal_window_end: end } = holder
  const hasPassed = end !== null && end.getTime() <= parts.now.getTime()
  const isSooner = renew_at !== null && next.renew_at !== null && renew_at <= next.renew_at
  return hasPassed && isSooner ? { renew_at, renew_at_reason: renew_at_reason ?? next.renew_at_reason } : next
}

const drawRange = 1_000_000

/** For a new version; stored with its holder. */
export function drawOf(random: () => number): number {
  return Math.floor(random() * drawRange)
}
