import { planIssuance } from '../lifecycle/order/plan-issuance.js'
import { forEachDue } from './for-each-due.js'
import type { Loop } from './loop.js'

/** Open orders that lost their job get one again; a worker looks at each when its next look is due. */
export const pendingOrders: Loop = {
  name: 'pending-orders',
  everySeconds: ({ config }) => config.scheduler_retry_interval,
  async run(services, signal) {
    await forEachDue(services, {
      what: 'taking up an order',
      list: async (page) => await services.store.orders.listWithoutJob(page),
      idOf: ({ id }) => id,
      signal,
      work: async ({ certificate_id: id }) =>
        await services.store.transaction(async (tx) => {
          const certificate = await tx.certificates.lock(id)
          if (certificate !== undefined) await planIssuance(services, tx, { certificate, requestedBy: 'System' })
        }),
    })
  },
}
