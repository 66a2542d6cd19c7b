import { planIssuance } from '../lifecycle/order/plan-issuance.js'
import { forEachDue } from './for-each-due.js'
import type { Loop } from './loop.js'

/** Holders whose time has come, that failed and may try again, or that never got their first version. */
export const dueRenewals: Loop = {
  name: 'due-renewals',
  everySeconds: ({ config }) => config.scheduler_renewal_check_interval,
  async run(services, signal) {
    const now = services.clock.now()
    await forEachDue(services, {
      what: 'planning an issuance',
      list: async (page) => await services.store.holders.listToIssue(now, page),
      idOf: ({ certificate_id: id }) => id,
      placeOf: ({ place }) => place,
      signal,
      work: async ({ certificate_id: id }) =>
        await services.store.transaction(async (tx) => {
          const certificate = await tx.certificates.lock(id)
          if (certificate !== undefined) await planIssuance(services, tx, { certificate, requestedBy: 'System' })
        }),
    })
  },
}
