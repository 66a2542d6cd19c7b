import { messageOf } from '@certctl/core'
import { sweepRule } from '../lifecycle/policy/sweep-rule.js'
import type { Loop } from './loop.js'

const rulesAtOnce = 20

/** Rules that are new or were changed judge the certificates that are there. */
export const policySweeps: Loop = {
  name: 'policy-sweeps',
  everySeconds: () => 15,
  async run(services, signal) {
    for (const sweep of await services.store.policySweeps.listDue(rulesAtOnce)) {
      try {
        await sweepRule(services, sweep, signal)
      } catch (error) {
        services.log.error({ rule: sweep.rule_id, reason: messageOf(error) }, 'a rule could not be applied to all')
      }
    }
  },
}
