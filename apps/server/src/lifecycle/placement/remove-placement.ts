import type { Actor } from '../../store/audit-entry.js'
import type { PlacementRow } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import { cancelIdleIssuance } from '../order/cancel-idle-issuance.js'
import { resolveAlert } from '../resolve-alert.js'

/** Ends a placement and its jobs. The certificate is locked. */
export async function removePlacement(
  tx: Tx,
  { placement, actor }: { placement: PlacementRow; actor: Actor },
): Promise<void> {
  await tx.targets.lock(placement.target_id)
  await tx.placements.update(placement.id, {
    removed_at: tx.now,
    next_attempt_at: null,
    verify_at: null,
    updated_at: tx.now,
  })
  const reason = 'The target was taken away from the certificate'
  await tx.jobs.cancel({ column: 'placement_id', value: placement.id }, { at: tx.now, reason })
  await cancelIdleIssuance(tx, placement.certificate_id)
  await resolveAlert(tx, {
    subject: `placement:${placement.id}`,
    type: 'placement.removed',
    title: reason,
    certificateId: placement.certificate_id,
    targetId: placement.target_id,
  })
  tx.audit.append({
    actor,
    action: 'certificate.target_removed',
    resource_type: 'certificate',
    resource_id: placement.certificate_id,
    details: { target_id: placement.target_id },
  })
}
