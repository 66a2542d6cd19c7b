import type { Services } from '../services.js'

/** How long a heartbeat keeps the jobs that an agent holds. */
const leaseMs = 60_000

/** Prolongs the leases of jobs that the agent says it is working on; others' are left alone. */
export async function prolongHeld(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { agentId, holding }: { agentId: string; holding: readonly string[] },
): Promise<void> {
  if (holding.length === 0) return
  const now = clock.now()
  await store.jobs.prolongForAgent(agentId, { ids: holding, now, until: new Date(now.getTime() + leaseMs) })
}
