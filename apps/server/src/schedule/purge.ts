import type { Loop } from './loop.js'

const batchSize = 1000
const keptJobsMs = 30 * 86_400_000

/** Takes away what nobody will ask for: jobs that ended a month ago, expired state and answers kept for repeated requests. */
export const purge: Loop = {
  name: 'purge',
  everySeconds: () => 600,
  async run(services, signal) {
    const now = services.clock.now()
    const before = new Date(now.getTime() - keptJobsMs)
    for (let gone = batchSize; gone === batchSize && !signal.aborted; )
      gone = await services.store.jobs.purge(before, batchSize)
    await services.store.connectorState.removeExpired(now)
    await services.store.idempotencyKeys.removeExpired(now)
  },
}
