import type { OrderOutcome } from '@certctl/core'
import { nextLookSeconds } from '@certctl/kit'
import type { Services } from '../../services.js'
import type { Attempt } from './begin-attempt.js'

// A wish for longer is a mistake: what a CA has in hand is looked at once a day at least.
const longestWishSeconds = 86_400

type Pending = Extract<OrderOutcome, { status: 'pending' }>

/** Stores what the CA said, before anything else happens: an order that waits is a row with its next look. Under the lease only, so that nobody's later progress is overwritten. */
export async function recordPending(services: Services, { job, order }: Attempt, outcome: Pending): Promise<void> {
  const isNew = order.vendor_order_id === null
  const looks = isNew ? 0 : order.looks
  const wished = Math.min(outcome.retryAfterSeconds ?? 0, longestWishSeconds)
  const seconds = nextLookSeconds(looks, services.chance.random, wished)
  const place = { table: 'orders', id: order.id, column: 'progress' }
  const progress =
    outcome.progress === undefined ? null : services.sealing.seal(JSON.stringify(outcome.progress), place)
  await services.store.transaction(async (tx) => {
    const locked = await tx.orders.lock(order.id)
    const nextLookAt = new Date(tx.now.getTime() + seconds * 1000)
    const isOurs = await tx.jobs.settle(job, {
      state: 'ready',
      run_at: nextLookAt,
      locked_until: null,
      last_error: null,
      last_error_code: null,
    })
    if (!isOurs || locked?.state !== 'open') return
    await tx.orders.update(order.id, {
      vendor_order_id: outcome.orderId,
      progress,
      next_look_at: nextLookAt,
      waiting_for: outcome.waitingFor ?? null,
      detail: outcome.detail ?? null,
      last_error_code: null,
      last_error: null,
    })
  })
}
