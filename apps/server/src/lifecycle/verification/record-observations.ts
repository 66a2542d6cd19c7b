import type { Observations } from '@certctl/api'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { observePlacement } from './observe-placement.js'

/** What an agent saw without a job, placement by placement; those that are not its own, or not there any more, are passed over. */
export async function recordObservations(
  services: Services,
  { agentId, actor, observations }: { agentId: string; actor: Actor; observations: Observations },
): Promise<void> {
  for (const seen of observations.placements)
    await services.store.transaction(async (tx) => {
      const pair = await tx.placements.findPair(seen.certificate_id, seen.target_id)
      if (pair === undefined) return
      const certificate = await tx.certificates.lock(seen.certificate_id)
      const target = await tx.targets.lock(seen.target_id)
      const placement = await tx.placements.lock(pair.id)
      if (certificate === undefined || target?.agent_id !== agentId || placement?.removed_at !== null) return
      if (seen.served?.every((look) => isNewer(look.at, placement.deployed_at)) === false) return
      await observePlacement(
        tx,
        { certificate, target, placement },
        {
          held: seen.file,
          served: seen.served,
          actor,
          everySeconds: services.config.verify_interval,
        },
      )
    })
}

/** A look from before the last deployment says nothing about it, and neither does what was read from the target at that time. */
function isNewer(at: string, deployedAt: Date | null): boolean {
  return deployedAt === null || new Date(at).getTime() >= deployedAt.getTime()
}
