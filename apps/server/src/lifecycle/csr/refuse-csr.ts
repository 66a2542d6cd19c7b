import type { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import { isPermanent } from '../order/is-permanent.js'
import { retryOfRefusal } from '../order/retry-of-refusal.js'
import { raiseAlert } from '../raise-alert.js'
import { renewCommand } from '../renewal/renew-command.js'
import { resolveAlert } from '../resolve-alert.js'
import { severityOf } from '../severity-of.js'
import type { SubmittedCsr } from './accept-csr.js'

/**
 * Ends the job that waited for a CSR which was refused for good, so that its sender is not asked for the same again every few seconds.
 * What an open order has is not touched, and a sender whose lease is lost ends nothing.
 */
export async function refuseCsr(services: Services, submitted: SubmittedCsr, error: CertctlError): Promise<void> {
  if (!isPermanent(error.code)) return
  await services.store.transaction(async (tx) => {
    const unlocked = await tx.holders.get(submitted.holderId)
    const certificate = await tx.certificates.lock(unlocked?.certificate_id ?? '')
    const holder = await tx.holders.lock(submitted.holderId)
    const job = await tx.jobs.lockOpenIssueOfHolder(submitted.holderId)
    if (certificate === undefined || holder === undefined || job?.state !== 'waiting_csr') return
    if (submitted.job !== undefined && job.lease !== submitted.job.lease) return
    const serving = holder.current_version_id === null ? undefined : await tx.versions.get(holder.current_version_id)
    const retryAt = retryOfRefusal({ serving, now: tx.now })
    const told = { last_error_code: error.code, last_error: error.message }
    await tx.jobs.update(job.id, {
      ...told,
      state: 'done',
      outcome: 'refused',
      completed_at: tx.now,
      locked_until: null,
    })
    await tx.holders.update(holder.id, {
      ...told,
      failures: holder.failures + 1,
      next_attempt_at: retryAt,
      blocked_code: error.code,
      blocked_generation: certificate.generation,
    })
    tx.audit.append({
      actor: submitted.actor,
      action: 'certificate.csr_refused',
      resource_type: 'certificate',
      resource_id: certificate.id,
      details: { holder_id: holder.id, job_id: job.id, code: error.code, message: error.message },
    })
    const about = { certificateId: certificate.id, agentId: holder.agent_id ?? undefined }
    await resolveAlert(tx, {
      ...about,
      subject: `csr-overdue:${holder.id}`,
      type: 'certificate.csr_refused',
      title: `A CSR for ${certificate.name} came and was refused`,
    })
    await raiseAlert(tx, {
      ...about,
      subject: `issuance:${holder.id}`,
      type: 'certificate.issuance_blocked',
      severity: severityOf(serving, tx.now),
      title: `A CSR for ${certificate.name} was refused; it is asked for again ${retryAt === null ? '' : `at ${retryAt.toISOString()}, or `}when the certificate is changed or renewed by hand: ${error.message}`,
      command: await renewCommand(tx, { certificate, holder }),
    })
  })
}
