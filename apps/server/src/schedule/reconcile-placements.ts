import { planPlacements } from '../lifecycle/placement/plan-placements.js'
import { forEachDue } from './for-each-due.js'
import type { Loop } from './loop.js'

/** Placements that are not as they should be and have no job: whatever became of it, they get another. */
export const reconcilePlacements: Loop = {
  name: 'reconcile-placements',
  everySeconds: ({ config }) => config.scheduler_retry_interval,
  async run(services, signal) {
    const now = services.clock.now()
    await forEachDue(services, {
      what: 'planning a deployment',
      list: async (page) => await services.store.placements.listCertificatesToDeploy(now, page),
      idOf: (id) => id,
      signal,
      work: async (id) =>
        await services.store.transaction(async (tx) => {
          const certificate = await tx.certificates.lock(id)
          if (certificate !== undefined) await planPlacements(tx, { certificate, requestedBy: 'System' })
        }),
    })
  },
}
