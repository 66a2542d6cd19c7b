import type { Services } from '../../services.js'
import type { Tx } from '../../store/store.js'
import { cancelIdleIssuance } from '../order/cancel-idle-issuance.js'
import { planIssuance } from '../order/plan-issuance.js'
import { planPlacements } from './plan-placements.js'

/**
 * After a target's configuration, agent or state was changed and its generation counted up: deployments for the older one end, and what
 * should be there is deployed anew, by a new holder where the target moved to another agent. The target's certificates are locked, and its
 * row after them, which is written.
 */
export async function redeployTarget(
  services: Services,
  tx: Tx,
  { targetId, requestedBy }: { targetId: string; requestedBy: string },
): Promise<void> {
  const target = await tx.targets.get(targetId)
  if (target === undefined || target.retired_at !== null) return
  await tx.jobs.cancel({ column: 'target_id', value: targetId }, { at: tx.now, reason: 'The target was changed' })
  for (const placement of await tx.placements.listOfTarget(targetId)) {
    const desired =
      placement.desired_version_id === null ? undefined : await tx.versions.get(placement.desired_version_id)
    const holder = desired === undefined ? undefined : await tx.holders.get(desired.holder_id)
    const isOfAnother = holder !== undefined && holder.agent_id !== target.agent_id
    await tx.placements.update(placement.id, {
      state: 'pending',
      next_attempt_at: desired === undefined || isOfAnother || placement.frozen_at !== null ? null : tx.now,
      verify_at: null,
      // What was revoked goes nowhere, and says why nothing does.
      ...(isOfAnother && desired?.revoked_at === null ? { desired_version_id: null, desired_at: null } : {}),
      failures: 0,
      cause_code: null,
      cause_message: null,
      blocked_code: null,
      blocked_generation: null,
      updated_at: tx.now,
    })
    // Locked by the caller, but for one that was sent here since.
    const certificate = await tx.certificates.lock(placement.certificate_id)
    if (certificate === undefined) continue
    await planPlacements(tx, { certificate, requestedBy })
    await cancelIdleIssuance(tx, certificate.id)
    if (isOfAnother) await planIssuance(services, tx, { certificate, requestedBy })
  }
}
