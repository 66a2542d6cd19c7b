import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '@certctl/core'
import type { Services } from '../services.js'
import { widelyHeard } from '../widely-heard.js'
import { auditCheckpoint } from './audit-checkpoint.js'
import { auditVerification } from './audit-verification.js'
import { changedRenewalPolicies } from './changed-renewal-policies.js'
import { dailyCounts } from './daily-counts.js'
import { dueRenewals } from './due-renewals.js'
import { dueVerifications } from './due-verifications.js'
import { endedSettings } from './ended-settings.js'
import { endingCertificates } from './ending-certificates.js'
import { expiredLeases } from './expired-leases.js'
import { expiryAlerts } from './expiry-alerts.js'
import { healthChecks } from './health-checks.js'
import { issuerMaintenance } from './issuer-maintenance.js'
import type { Loop } from './loop.js'
import { overdueApprovals } from './overdue-approvals.js'
import { overdueCsrs } from './overdue-csrs.js'
import { pendingOrders } from './pending-orders.js'
import { policySweeps } from './policy-sweeps.js'
import { purge } from './purge.js'
import { reconcileInventory } from './reconcile-inventory.js'
import { reconcilePlacements } from './reconcile-placements.js'
import { renewalInfo } from './renewal-info.js'
import { resealing } from './resealing.js'
import { runDue } from './run-due.js'
import { silentAgents } from './silent-agents.js'
import { unconfirmedRevocations } from './unconfirmed-revocations.js'
import { unknownPlacements } from './unknown-placements.js'

/** All loops, each a row in `schedule`. */
export const loops: readonly Loop[] = [
  auditCheckpoint,
  auditVerification,
  changedRenewalPolicies,
  dailyCounts,
  dueRenewals,
  dueVerifications,
  endedSettings,
  endingCertificates,
  expiredLeases,
  expiryAlerts,
  healthChecks,
  issuerMaintenance,
  overdueApprovals,
  overdueCsrs,
  pendingOrders,
  policySweeps,
  purge,
  reconcileInventory,
  reconcilePlacements,
  renewalInfo,
  resealing,
  silentAgents,
  unconfirmedRevocations,
  unknownPlacements,
]

export interface Schedules {
  /** Starts nothing more; resolves when what runs has ended. */
  stop(): Promise<void>
}

/** Runs every loop when it is due, for as long as this copy lives. There is no leader: whichever copy looks first takes the run. */
export function startSchedules(services: Services): Schedules {
  const stopping = widelyHeard()
  const running = loops.map((loop) => keepRunning(services, loop, stopping.signal))
  return {
    async stop() {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

async function keepRunning(services: Services, loop: Loop, signal: AbortSignal): Promise<void> {
  const lookSeconds = Math.min(Math.max(loop.everySeconds(services) / 4, 1), 15)
  let known = false
  while (!signal.aborted) {
    try {
      if (!known) await services.store.schedule.ensure(loop.name, services.clock.now())
      known = true
      await runDue(services, loop, signal)
    } catch (error) {
      services.log.error({ loop: loop.name, reason: messageOf(error) }, 'the schedule could not be read')
    }
    await pause(lookSeconds * 1000, undefined, { signal, ref: false }).catch(() => undefined)
  }
}
