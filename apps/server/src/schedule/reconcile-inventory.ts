import type { Services } from '../services.js'
import type { Loop } from './loop.js'

const batchSize = 500

/** Proves once a day that the rows of lists and the counts by day say what is the case, and repairs what does not. Wrong ones are a fault of ours: they are logged. */
export const reconcileInventory: Loop = {
  name: 'reconcile-inventory',
  everySeconds: () => 86_400,
  async run(services, signal) {
    const rows = await reconcileRows(services, signal)
    if (signal.aborted) return
    const counts = await services.store.dailyCounts.reconcile(services.clock.now())
    if (rows > 0 || counts > 0)
      services.log.error({ rows, counts }, 'rows of lists or counts by day were wrong, and were repaired')
  },
}

async function reconcileRows({ store }: Services, signal: AbortSignal): Promise<number> {
  let wrong = 0
  for (let after: string | undefined = ''; after !== undefined && !signal.aborted; ) {
    const batch: { last?: string | undefined; wrong: number } = await store.dailyCounts.reconcileListed(
      after,
      batchSize,
    )
    wrong += batch.wrong
    after = batch.last
  }
  return wrong
}
