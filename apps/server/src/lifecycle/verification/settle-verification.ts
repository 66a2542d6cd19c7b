import type { JobReport } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { missPlacement } from './miss-placement.js'
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
    const isStale = (report.target_generation ?? job.generation) !== target.generation
    const desired =
      placement.desired_version_id === null ? undefined : await tx.versions.get(placement.desired_version_id)
    const isOfDesired = report.fingerprint === undefined || report.fingerprint === desired?.fingerprint
    const rows = { certificate, target, placement }
    const everySeconds = services.config.verify_interval
    if (!isStale && isOfDesired && report.outcome === 'done')
      await observePlacement(tx, rows, {
        held: report.verification,
        served: report.served,
        actor,
        everySeconds,
      })
    // A look under another lease is made again; that it failed says nothing.
    else if (!isStale && isOfDesired && isOurs) await missPlacement(tx, rows, { ...faultOf(report), everySeconds })
    return isOurs ? 'settled' : 'lost'
  })
}

function endOf(report: JobReport, now: Date) {
  const isDone = report.outcome === 'done'
  const { code, message } = faultOf(report)
  return {
    state: 'done' as const,
    outcome: isDone ? ('done' as const) : ('failed' as const),
    completed_at: now,
    locked_until: null,
    last_error_code: isDone ? null : code,
    last_error: isDone ? null : message,
  }
}

function faultOf({ code = 'internal', message = 'The agent gave no reason' }: JobReport) {
  return { code, message }
}
