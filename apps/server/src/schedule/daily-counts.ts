import type { Loop } from './loop.js'

/** Folds what changed into the counts by day, so that what is not folded stays little. */
export const dailyCounts: Loop = {
  name: 'daily-counts',
  everySeconds: () => 10,
  async run({ store, clock }) {
    await store.dailyCounts.fold(clock.now())
  },
}
