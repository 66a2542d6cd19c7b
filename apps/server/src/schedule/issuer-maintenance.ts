import { keepAlive, typesToMaintain } from '../inventory/maintain-issuer.js'
import type { Loop } from './loop.js'

const atOnce = 16
// Longer than one call may take.
const putOffMs = 120_000

/** Issuers whose credentials end by themselves are kept alive, each when its connector said. */
export const issuerMaintenance: Loop = {
  name: 'issuer-maintenance',
  everySeconds: () => 10,
  async run(services, signal) {
    const types = typesToMaintain(services)
    while (types.length > 0 && !signal.aborted) {
      const now = services.clock.now()
      // Put off before it is asked, so that a copy that dies while asking leaves it to the next.
      const until = new Date(now.getTime() + putOffMs)
      const due = await services.store.connections.takeForMaintenance({ types, now, until, limit: atOnce })
      await Promise.all(due.map(async (issuer) => await keepAlive(services, issuer, signal)))
      if (due.length < atOnce) return
    }
  },
}
