import { endUnknown } from '../lifecycle/verification/tell-of-unknown.js'
import type { Loop } from './loop.js'

/** What agents reported that is not in the record is not told of for ever: they forget it, or say it again. */
export const unknownPlacements: Loop = {
  name: 'unknown-placements',
  everySeconds: () => 3600,
  run: async (services) => await endUnknown(services),
}
