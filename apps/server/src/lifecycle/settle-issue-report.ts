import type { JobReport } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import { backoff } from './backoff.js'
import { planIssuance } from './plan-issuance.js'
import { raiseAlert } from './raise-alert.js'
import { severityOf } from './severity-of.js'

export interface SettledIssueReport {
  jobId: string
  agentId: string
  actor: Actor
  report: Pick<JobReport, 'outcome' | 'code' | 'message'> & { lease?: string | undefined }
}

/** An agent that could not make the key or the CSR it was asked for: asked again later, or, where it refused, when something changes. What it says of a job whose CSR is here already changes nothing. */
export async function settleIssueReport(
  services: Services,
  { jobId, agentId, actor, report }: SettledIssueReport,
): Promise<'settled' | 'lost'> {
  return await services.store.transaction(async (tx) => {
    const unlocked = await tx.jobs.get(jobId)
    if (unlocked?.agent_id !== agentId || unlocked.kind !== 'issue')
      throw new CertctlError('not_found', `There is no job ${jobId} of this agent`)
    const certificate = await tx.certificates.lock(unlocked.certificate_id ?? '')
    const holder = await tx.holders.lock(unlocked.holder_id ?? '')
    const job = await tx.jobs.lock(jobId)
    if (certificate === undefined || holder === undefined || job === undefined)
      throw new CertctlError('internal', `Job ${jobId} refers to rows that are not there`)
    if (job.state !== 'waiting_csr' || report.outcome === 'done') return 'settled'
    if (report.lease !== undefined && report.lease !== job.lease) return 'lost'
    const code = report.code ?? 'internal'
    const message = report.message ?? 'The agent gave no reason'
    const isRefused = report.outcome === 'refused'
    const failures = holder.failures + 1
    const serving = holder.current_version_id === null ? undefined : await tx.versions.get(holder.current_version_id)
    await tx.jobs.update(jobId, {
      state: 'done',
      outcome: isRefused ? 'refused' : 'failed',
      completed_at: tx.now,
      locked_until: null,
      last_error_code: code,
      last_error: message,
    })
    await tx.holders.update(holder.id, {
      failures,
      last_error_code: code,
      last_error: message,
      next_attempt_at: isRefused
        ? null
        : backoff({ failures, now: tx.now, endsAt: serving?.not_after, random: Math.random }),
      blocked_code: isRefused ? code : null,
      blocked_generation: isRefused ? certificate.generation : null,
    })
    tx.audit.append({
      actor,
      action: 'certificate.csr_not_made',
      resource_type: 'certificate',
      resource_id: certificate.id,
      details: { job_id: jobId, holder_id: holder.id, code, message },
    })
    await raiseAlert(tx, {
      subject: `issuance:${holder.id}`,
      type: isRefused ? 'certificate.issuance_blocked' : 'certificate.issuance_failed',
      severity: severityOf(serving, tx.now),
      title: `The agent could not make a CSR for ${certificate.name}: ${message}`,
      data: { code, message, failures },
      certificateId: certificate.id,
      agentId,
    })
    await planIssuance(services, tx, { certificate, requestedBy: 'System' })
    return 'settled'
  })
}
