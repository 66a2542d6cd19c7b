import { askRenewalInfo } from '../lifecycle/renewal/ask-renewal-info.js'
import type { Loop } from './loop.js'

const atOnce = 16
// Longer than one call may take.
const putOffMs = 240_000

/** CAs that have an opinion on when a certificate is renewed are asked for it when it is recorded, and then again and again. */
export const renewalInfo: Loop = {
  name: 'renewal-info',
  everySeconds: () => 20,
  async run(services, signal) {
    while (!signal.aborted) {
      const now = services.clock.now()
      // Put off before it is asked, so that a copy that dies while asking leaves it to be asked again.
      const until = new Date(now.getTime() + putOffMs)
      const due = await services.store.holders.takeForRenewalInfo({ now, until, limit: atOnce })
      await Promise.all(due.map(async (holder) => await askRenewalInfo(services, holder, signal)))
      if (due.length < atOnce) return
    }
  },
}
