import type { Observations } from '@certctl/api'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { observePlacement } from './observe-placement.js'
import { tellOfKnown, tellOfUnknown } from './tell-of-unknown.js'

type Seen = Observations['placements'][number]

interface Reported {
  agentId: string
  actor: Actor
}

/** What an agent saw without a job, placement by placement; those that are not its own, or not there any more, are passed over. People are told of what was never there. */
export async function recordObservations(
  services: Services,
  { agentId, actor, observations }: Reported & { observations: Observations },
): Promise<void> {
  const pairs: Record<'known' | 'unknown', Seen[]> = { known: [], unknown: [] }
  for (const seen of observations.placements) pairs[await record(services, seen, { agentId, actor })].push(seen)
  await tellOfKnown(services, { agentId, pairs: pairs.known })
  await tellOfUnknown(services, { agentId, pairs: pairs.unknown })
}

/** Returns whether the certificate goes to the target, as far as is known here. */
async function record(services: Services, seen: Seen, { agentId, actor }: Reported): Promise<'known' | 'unknown'> {
  return await services.store.transaction(async (tx) => {
    const pair = await tx.placements.findPair(seen.certificate_id, seen.target_id)
    if (pair === undefined) return 'unknown'
    const certificate = await tx.certificates.lock(seen.certificate_id)
    const target = await tx.targets.lock(seen.target_id)
    const placement = await tx.placements.lock(pair.id)
    if (certificate === undefined || target?.agent_id !== agentId || placement?.removed_at !== null) return 'known'
    if (seen.served?.every((look) => isNewer(look.at, placement.deployed_at)) === false) return 'known'
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
    return 'known'
  })
}

/** A look from before the last deployment says nothing about it, and neither does what was read from the target at that time. */
function isNewer(at: string, deployedAt: Date | null): boolean {
  return deployedAt === null || new Date(at).getTime() >= deployedAt.getTime()
}
