import type { JobReport } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { JobRow } from '../../store/jobs.js'
import type { Tx } from '../../store/store.js'
import type { VersionRow } from '../../store/versions.js'
import { endOf } from '../end-of.js'
import { backoff } from '../order/backoff.js'
import { isPermanent } from '../order/is-permanent.js'
import { planIssuance } from '../order/plan-issuance.js'
import { retryOfRefusal } from '../order/retry-of-refusal.js'
import { raiseAlert } from '../raise-alert.js'
import { renewCommand } from '../renewal/renew-command.js'
import { firstPauseOf, type RenewalPolicy, renewalPolicyOf } from '../renewal/renewal-policy-of.js'
import { severityOf } from '../severity-of.js'

export interface SettledIssueReport {
  jobId: string
  agentId: string
  actor: Actor
  report: Pick<JobReport, 'outcome' | 'code' | 'message'> & { lease?: string | undefined }
}

interface Rows {
  certificate: CertificateRow
  holder: HolderRow
  job: JobRow
  serving: VersionRow | undefined
}

interface Reason {
  code: string
  message: string
  isRefused: boolean
  failures: number
}

/** An agent that could not make the key or the CSR it was asked for: asked again later, or, where it refused, when something changes; what is served already is asked for again all the same, seldom. What it says of a job whose CSR is here already changes nothing. */
export async function settleIssueReport(services: Services, settled: SettledIssueReport): Promise<'settled' | 'lost'> {
  const { report, actor } = settled
  return await services.store.transaction(async (tx) => {
    const rows = await lockRows(tx, settled)
    const { job, holder, certificate } = rows
    if (job.state !== 'waiting_csr' || report.outcome === 'done') return 'settled'
    if (report.lease !== undefined && report.lease !== job.lease) return 'lost'
    const reason = {
      code: report.code ?? 'internal',
      message: report.message ?? 'The agent gave no reason',
      isRefused: report.outcome === 'refused' || isPermanent(report.code ?? ''),
      failures: holder.failures + 1,
    }
    const policy = await renewalPolicyOf(tx, certificate)
    await keep(tx, rows, { reason, policy })
    await tell(tx, rows, { reason, actor, policy })
    await planIssuance(services, tx, { certificate, requestedBy: 'System' })
    return 'settled'
  })
}

async function lockRows(tx: Tx, { jobId, agentId }: SettledIssueReport): Promise<Rows> {
  const unlocked = await tx.jobs.get(jobId)
  if (unlocked?.agent_id !== agentId || unlocked.kind !== 'issue')
    throw new CertctlError('not_found', `There is no job ${jobId} of this agent`)
  const certificate = await tx.certificates.lock(unlocked.certificate_id ?? '')
  const holder = await tx.holders.lock(unlocked.holder_id ?? '')
  const job = await tx.jobs.lock(jobId)
  if (certificate === undefined || holder === undefined || job === undefined)
    throw new CertctlError('internal', `Job ${jobId} refers to rows that are not there`)
  const serving = holder.current_version_id === null ? undefined : await tx.versions.get(holder.current_version_id)
  return { certificate, holder, job, serving }
}

async function keep(
  tx: Tx,
  { certificate, holder, job, serving }: Rows,
  { reason, policy }: { reason: Reason; policy: RenewalPolicy },
): Promise<void> {
  const { code, message, isRefused, failures } = reason
  const error = { last_error_code: code, last_error: message }
  const outcome = isRefused ? 'refused' : 'failed'
  await tx.jobs.update(job.id, { ...error, state: 'done', outcome, completed_at: tx.now, locked_until: null })
  const nextAt = backoff({
    failures,
    now: tx.now,
    endsAt: endOf(serving),
    firstSeconds: firstPauseOf(policy, serving),
    random: tx.chance.random,
  })
  await tx.holders.update(holder.id, {
    ...error,
    failures,
    next_attempt_at: isRefused ? retryOfRefusal({ serving, now: tx.now }) : nextAt,
    blocked_code: isRefused ? code : null,
    blocked_generation: isRefused ? certificate.generation : null,
  })
}

async function tell(
  tx: Tx,
  { certificate, holder, job, serving }: Rows,
  { reason, actor, policy }: { reason: Reason; actor: Actor; policy: RenewalPolicy },
): Promise<void> {
  const { code, message, isRefused, failures } = reason
  tx.audit.append({
    actor,
    action: 'certificate.csr_not_made',
    resource_type: 'certificate',
    resource_id: certificate.id,
    details: { job_id: job.id, holder_id: holder.id, code, message },
  })
  const severity = severityOf(serving, tx.now)
  if (!isRefused && failures < policy.alertAfter && severity === 'warning') return
  await raiseAlert(tx, {
    subject: `issuance:${holder.id}`,
    type: isRefused ? 'certificate.issuance_blocked' : 'certificate.issuance_failed',
    severity,
    title: `The agent could not make a CSR for ${certificate.name}: ${message}`,
    command: isRefused
      ? await renewCommand(tx, { certificate, holder })
      : `certctl agents show ${holder.agent_id ?? ''}`,
    data: { code, message, failures },
    certificateId: certificate.id,
    agentId: holder.agent_id ?? undefined,
  })
}
