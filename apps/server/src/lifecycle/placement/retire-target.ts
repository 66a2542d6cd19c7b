import type { Tx } from '../../store/store.js'
import { cancelIdleIssuance } from '../order/cancel-idle-issuance.js'
import { resolveAlert } from '../resolve-alert.js'

/** Ends everything that goes to a target that retires: its jobs, its claims on places and its placements. What is there stays there. The target's row is locked. */
export async function retireTarget(tx: Tx, targetId: string): Promise<void> {
  const reason = 'The target was removed'
  const placements = await tx.placements.listOfTarget(targetId)
  for (const { id } of placements)
    await tx.placements.update(id, {
      removed_at: tx.now,
      next_attempt_at: null,
      verify_at: null,
      updated_at: tx.now,
    })
  await tx.jobs.cancel({ column: 'target_id', value: targetId }, { at: tx.now, reason })
  await tx.claims.release(targetId)
  const subject = placements.map(({ id }) => `placement:${id}`)
  await resolveAlert(tx, { subject, type: 'placement.removed', title: reason, targetId })
  for (const { certificate_id: certificateId } of placements) await cancelIdleIssuance(tx, certificateId)
}
