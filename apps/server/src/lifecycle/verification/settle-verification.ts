import type { JobReport } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { nextVerification } from './next-verification.js'
import { observePlacement } from './observe-placement.js'

export interface SettledVerification {
  jobId: string
  agentId: string
  actor: Actor
  report: JobReport
}

/** Settles a look at a placement: what was seen is judged like any observation. `lost`: under another lease; what was seen counts all the same, since a look changes nothing. */
export async function settleVerification(
  services: Services,
  { jobId, agentId, actor, report }: SettledVerification,
): Promise<'settled' | 'lost'> {
  return await services.store.transaction(async (tx) => {
    const unlocked = await tx.jobs.get(jobId)
    if (unlocked?.agent_id !== agentId) throw new CertctlError('not_found', `There is no job ${jobId} of this agent`)
    const certificate = await tx.certificates.lock(unlocked.certificate_id ?? '')
    const target = await tx.targets.lock(unlocked.target_id ?? '')
    const placement = await tx.placements.lock(unlocked.placement_id ?? '')
    const job = await tx.jobs.lock(jobId)
    if (certificate === undefined || target === undefined || placement === undefined || job === undefined)
      throw new CertctlError('request_malformed', `Job ${jobId} is not a verification`)
    if (job.state === 'done' && job.lease === report.lease) return 'settled'
    const isOurs = job.lease === report.lease && job.state === 'active'
    if (isOurs) await tx.jobs.update(jobId, endOf(report, tx.now))
    if (isOurs) services.metrics.jobEnded({ kind: 'verify', outcome: report.outcome })
    if (report.outcome !== 'done') {
      const verifyAt = nextVerification({
        state: placement.state,
        target,
        everySeconds: services.config.verify_interval,
        now: tx.now,
        random: tx.chance.random,
      })
      await tx.placements.update(placement.id, { observed_at: tx.now, verify_at: verifyAt })
      return isOurs ? 'settled' : 'lost'
    }
    const isStale = (report.target_generation ?? job.generation) !== target.generation
    const desired =
      placement.desired_version_id === null ? undefined : await tx.versions.get(placement.desired_version_id)
    const isOfDesired = report.fingerprint === undefined || report.fingerprint === desired?.fingerprint
    if (!isStale && isOfDesired)
      await observePlacement(
        tx,
        { certificate, target, placement },
        { held: report.verification, served: report.served, actor, everySeconds: services.config.verify_interval },
      )
    return isOurs ? 'settled' : 'lost'
  })
}

function endOf({ outcome, code, message }: JobReport, now: Date) {
  const isDone = outcome === 'done'
  return {
    state: 'done' as const,
    outcome: isDone ? ('done' as const) : ('failed' as const),
    completed_at: now,
    locked_until: null,
    last_error_code: isDone ? null : (code ?? 'internal'),
    last_error: isDone ? null : (message ?? 'The agent gave no reason'),
  }
}
