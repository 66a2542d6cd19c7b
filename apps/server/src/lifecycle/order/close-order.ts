import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import { supersedeApproval } from '../approval/supersede-approval.js'

/** Ends an open order; what its CA may still bring is recorded and never made current. Nobody is asked to approve it any more. The order is locked. */
export async function closeOrder(
  tx: Tx,
  order: OrderRow,
  { state, reason }: { state: 'invalid' | 'expired' | 'abandoned'; reason: string },
): Promise<void> {
  if (order.state !== 'open') return
  await tx.orders.update(order.id, {
    state,
    closed_at: tx.now,
    close_reason: reason,
    next_look_at: null,
    progress: null,
  })
  await supersedeApproval(tx, order, reason)
}
