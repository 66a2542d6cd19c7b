import type { Loop } from './loop.js'

const batchSize = 1000

/** A lease that ran out is claimable by itself; whoever may claim it is told, so that nobody waits for his next look. */
export const expiredLeases: Loop = {
  name: 'expired-leases',
  everySeconds: ({ config }) => config.job_timeout_interval,
  async run(services) {
    const expired = await services.store.jobs.listExpired(services.clock.now(), batchSize)
    if (expired.length === 0) return
    const agents = new Set(
      expired.flatMap(({ kind, agent_id }) => (agent_id === null || kind === 'issue' ? [] : [agent_id])),
    )
    await services.store.transaction(async (tx) => {
      for (const agentId of agents) tx.wake('agent', agentId)
      for (const kind of ['issue', 'bulk'] as const) if (expired.some((job) => job.kind === kind)) tx.wake('work', kind)
    })
  },
}
