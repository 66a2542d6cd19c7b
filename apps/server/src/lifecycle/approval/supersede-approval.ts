import { systemActor } from '../../access/principal.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import { resolveAlert } from '../resolve-alert.js'

/** What waits for a second person for this order is not waited for any more. The order is locked. */
export async function supersedeApproval(
  tx: Tx,
  order: Pick<OrderRow, 'id' | 'holder_id' | 'certificate_id'>,
  reason: string,
): Promise<void> {
  const pending = await tx.approvals.findPendingOfOrder(order.id)
  if (pending === undefined) return
  const settled = { state: 'expired' as const, decision_note: reason, updated_at: tx.now }
  if (!(await tx.approvals.settle(pending.id, settled))) return
  tx.audit.append({
    actor: systemActor,
    action: 'approval_expired',
    resource_type: 'approval',
    resource_id: pending.id,
    details: { certificate_id: order.certificate_id, order_id: order.id, job_id: pending.job_id, reason },
  })
  await resolveAlert(tx, {
    subject: `approval:${order.holder_id}`,
    type: 'approval.expired',
    title: `Approval ${pending.id} is not needed any more: ${reason}`,
    certificateId: order.certificate_id,
  })
}
