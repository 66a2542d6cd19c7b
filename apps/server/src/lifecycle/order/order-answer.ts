import type { Services } from '../../services.js'
import { waitForWake } from '../../work/wait-for-wake.js'

/** The subject of the wake-up that says that an order has ended. */
export function orderSubject(orderId: string): string {
  return `order ${orderId}`
}

/** What else an order may come to (an approval, an answer later) is looked for this often. */
const lookSeconds = 0.5

/** How an accepted CSR stands. Waits a little for CAs that answer at once, so that whoever sent it hears so. */
export async function orderAnswer(
  services: Services,
  { orderId, patienceSeconds, signal }: { orderId: string; patienceSeconds: number; signal: AbortSignal },
): Promise<'csr_signed' | 'order_pending' | 'awaiting_approval'> {
  const deadline = performance.now() + patienceSeconds * 1000
  for (;;) {
    const wake = waitForWake(services, { channel: 'event', subject: orderSubject(orderId), signal })
    try {
      const order = await services.store.orders.get(orderId)
      if (order?.state === 'valid') return 'csr_signed'
      if ((await services.store.approvals.findPendingOfOrder(orderId)) !== undefined) return 'awaiting_approval'
      const left = (deadline - performance.now()) / 1000
      const isOver = order?.state !== 'open' || order.vendor_order_id !== null || left <= 0 || signal.aborted
      if (isOver) return 'order_pending'
      await wake.wait(Math.min(left, lookSeconds))
    } finally {
      wake.close()
    }
  }
}
