import { inLanes } from '../in-lanes.js'
import { confirmRevocation } from '../lifecycle/revocation/confirm-revocation.js'
import type { Loop } from './loop.js'

// Longer than one call may take.
const putOffMs = 240_000

/** Issuers are told about revocations until they confirm them, each beside the others. */
export const unconfirmedRevocations: Loop = {
  name: 'unconfirmed-revocations',
  everySeconds: () => 15,
  async run(services, signal) {
    await inLanes(services, {
      what: 'telling an issuer of a revocation',
      async take(full) {
        const now = services.clock.now()
        // Put off before it is told, so that a copy that dies while telling leaves it to be told again.
        return await services.store.revocations.takeDue({
          now,
          until: new Date(now.getTime() + putOffMs),
          except: full,
        })
      },
      laneOf: ({ issuer_id: issuer }) => issuer,
      work: async (due) => await confirmRevocation(services, due, signal),
      atOnce: 16,
      perLane: 1,
      signal,
    })
  },
}
