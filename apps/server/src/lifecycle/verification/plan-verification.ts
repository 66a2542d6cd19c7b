import type { Services } from '../../services.js'
import { createId } from '../../store/create-id.js'
import type { Tx } from '../../store/store.js'
import { nextVerification } from './next-verification.js'

/** Asks the agent of a placement to look at it, if it is due at that moment, and puts the next look off. */
export async function planVerification(
  { config }: Pick<Services, 'config'>,
  tx: Tx,
  { placementId, dueAt }: { placementId: string; dueAt: Date },
): Promise<void> {
  const unlocked = await tx.placements.get(placementId)
  const target = await tx.targets.lock(unlocked?.target_id ?? '')
  const placement = await tx.placements.lock(placementId)
  if (target === undefined || placement?.removed_at !== null) return
  if (placement.verify_at === null || placement.verify_at.getTime() > dueAt.getTime()) return
  const verifyAt = nextVerification({
    state: placement.state,
    target,
    everySeconds: config.verify_interval,
    now: tx.now,
    random: tx.chance.random,
  })
  await tx.placements.update(placementId, { verify_at: verifyAt })
  const { created } = await tx.jobs.insert({
    id: createId('job', tx.now),
    kind: 'verify',
    state: 'ready',
    agent_id: target.agent_id,
    certificate_id: placement.certificate_id,
    placement_id: placementId,
    target_id: target.id,
    generation: target.generation,
    priority: 200,
    run_at: tx.now,
    requested_by: 'System',
    created_at: tx.now,
  })
  if (created) tx.wake('agent', target.agent_id)
}
