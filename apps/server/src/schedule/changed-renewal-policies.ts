import { recomputeRenewals } from '../lifecycle/renewal/recompute-renewals.js'
import type { Loop } from './loop.js'

/** Renewal policies that were made or changed: the certificates under them follow. */
export const changedRenewalPolicies: Loop = {
  name: 'changed-renewal-policies',
  everySeconds: () => 10,
  async run(services, signal) {
    for (const policy of await services.store.renewalPolicies.list()) {
      const isApplied = (policy.applied_at?.getTime() ?? Number.NEGATIVE_INFINITY) >= policy.updated_at.getTime()
      if (!isApplied && !signal.aborted) await recomputeRenewals(services, { policy, signal })
    }
  },
}
