import { confirmRevocation } from '../lifecycle/revocation/confirm-revocation.js'
import type { Loop } from './loop.js'

// Longer than one call may take.
const putOffMs = 240_000

/** Issuers are told about revocations until they confirm them. */
export const unconfirmedRevocations: Loop = {
  name: 'unconfirmed-revocations',
  everySeconds: () => 15,
  async run(services, signal) {
    while (!signal.aborted) {
      const now = services.clock.now()
      // Put off before it is told, so that a copy that dies while telling leaves it to be told again.
      const due = await services.store.revocations.takeDue(now, new Date(now.getTime() + putOffMs))
      if (due === undefined) return
      await confirmRevocation(services, due, signal)
    }
  },
}
