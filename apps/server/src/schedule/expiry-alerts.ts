import { alertExpiry } from '../lifecycle/renewal/alert-expiry.js'
import { builtInPolicy, defaultPolicyId } from '../lifecycle/renewal/renewal-policy-of.js'
import { forEachDue } from './for-each-due.js'
import type { Loop } from './loop.js'

/** Certificates that passed a threshold of their renewal policy and will not be renewed by themselves in time. One that is about to be renewed on schedule is nothing to tell of. */
export const expiryAlerts: Loop = {
  name: 'expiry-alerts',
  everySeconds: () => 300,
  async run(services, signal) {
    const question = { now: services.clock.now(), defaultPolicyId, usualDays: builtInPolicy.thresholdsDays }
    await forEachDue(services, {
      what: 'telling of a threshold that was passed',
      list: async (page) => await services.store.expiryAlerts.listPassed(question, page),
      idOf: ({ version_id }) => version_id,
      signal,
      work: async (passed) => await alertExpiry(services, passed),
    })
  },
}
