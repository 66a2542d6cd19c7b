import type { WireRevocationReason } from '@certctl/api'
import type { RevocationReason } from '@certctl/core'

/** RFC 5280 spells it `cACompromise`; older clients do not. */
export function coreReason(reason: WireRevocationReason): RevocationReason {
  return reason === 'caCompromise' ? 'cACompromise' : reason
}
