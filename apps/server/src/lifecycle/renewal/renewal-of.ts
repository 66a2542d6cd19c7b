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
 * The same where its policy or what its CA says has changed since. What is not renewed by itself, because it was revoked or came without a
 * CSR, is not from then on; and what its CA wanted before now is put off by no further question.
 */
export function movedRenewal({
  version,
  holder,
  ...parts
}: MovedParts): Pick<HolderRow, 'renew_at' | 'renew_at_reason'> {
  const next = renewalOf({ ...parts, version, holder })
  const { renew_at, renew_at_reason, renewal_window_end: end, renewal_draw: draw } = holder
  const isLeft = version.revoked_at !== null || draw === null
  const hasPassed = end !== null && end.getTime() <= parts.now.getTime()
  const isSooner = renew_at !== null && next.renew_at !== null && renew_at <= next.renew_at
  return isLeft || (hasPassed && isSooner) ? { renew_at, renew_at_reason } : next
}

interface MovedParts extends RenewalParts {
  version: RenewalParts['version'] & Pick<VersionRow, 'revoked_at'>
  holder: RenewalParts['holder'] & Pick<HolderRow, 'renew_at' | 'renew_at_reason'>
}

const drawRange = 1_000_000

/** For a new version; stored with its holder. */
export function drawOf(random: () => number): number {
  return Math.floor(random() * drawRange)
}
