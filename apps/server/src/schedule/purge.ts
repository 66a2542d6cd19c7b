import type { Services } from '../services.js'
import type { Loop } from './loop.js'

const batchSize = 1000
const keptJobsSeconds = 30 * 86_400

/** What goes with time: of which age, and how a batch of it is taken away. */
function pasts({ store, config }: Services): readonly { keptSeconds: number; purge: Purge }[] {
  return [
    { keptSeconds: keptJobsSeconds, purge: store.jobs.purge },
    { keptSeconds: config.event_retention, purge: store.events.purge },
    { keptSeconds: config.discovery_retention, purge: store.discoveries.purge },
    { keptSeconds: config.health_check_history_retention, purge: store.healthChecks.purgeResults },
  ]
}

type Purge = (before: Date, limit: number) => Promise<number>

/** Takes away what nobody will ask for: jobs, events and looks of long ago, spent join tokens, expired state, challenges and answers kept for repeated requests. */
export const purge: Loop = {
  name: 'purge',
  everySeconds: () => 600,
  async run(services, signal) {
    const { store, config, clock } = services
    const now = clock.now()
    const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000)
    for (const past of pasts(services))
      for (let gone = batchSize; gone === batchSize && !signal.aborted; )
        gone = await past.purge(ago(past.keptSeconds), batchSize)
    await store.joinTokens.purge(ago(config.event_retention))
    await store.connectorState.removeExpired(now)
    await store.challenges.removeExpired(now)
    await store.idempotencyKeys.removeExpired(now)
  },
}
