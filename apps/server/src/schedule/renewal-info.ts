import { inLanes } from '../in-lanes.js'
import { askRenewalInfo } from '../lifecycle/renewal/ask-renewal-info.js'
import type { Loop } from './loop.js'

// Longer than one call may take.
const putOffMs = 240_000

/** CAs that have an opinion on when a certificate is renewed are asked for it when it is recorded, and then again and again; each beside the others. */
export const renewalInfo: Loop = {
  name: 'renewal-info',
  everySeconds: () => 20,
  async run(services, signal) {
    const { holders } = services.store
    // Where the next look past full lanes goes on: so it comes to what is due behind them, however much that is.
    let after = ''
    await inLanes(services, {
      what: 'asking a CA when it wants a renewal',
      async take(full) {
        const now = services.clock.now()
        // Put off before it is asked, so that a copy that dies while asking leaves it to be asked again.
        const until = new Date(now.getTime() + putOffMs)
        if (full.length === 0) return await holders.takeForRenewalInfo({ now, until, except: full })
        const upTo = await holders.endOfRenewalInfo({ now, after })
        const taken = await holders.takeForRenewalInfo({ now, until, except: full, after, upTo })
        if (taken === undefined) after = upTo
        return taken
      },
      laneOf: ({ issuer_id: issuer }) => issuer ?? '',
      work: async (holder) => await askRenewalInfo(services, holder, signal),
      atOnce: 32,
      perLane: 12,
      signal,
    })
  },
}
