import { reseal } from '../access/reseal.js'
import type { Loop } from './loop.js'

/** Goes on with a rotation of the encryption key, also one that another copy began and did not end. */
export const resealing: Loop = {
  name: 'resealing',
  everySeconds: () => 15,
  run: async (services, signal) => await reseal(services, signal),
}
