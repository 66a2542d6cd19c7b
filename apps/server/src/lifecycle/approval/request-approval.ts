import { systemActor } from '../../access/principal.js'
import type { Services } from '../../services.js'
import type { ApprovalRow } from '../../store/approvals.js'
import type { CertificateRow } from '../../store/certificates.js'
import { createId } from '../../store/create-id.js'
import type { HolderRow } from '../../store/holders.js'
import type { JobRow } from '../../store/jobs.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import { raiseAlert } from '../raise-alert.js'
import { severityOf } from '../severity-of.js'
import { barredPersons } from './barred-persons.js'
import type { Shown } from './shown-of.js'
import { supersedeApproval } from './supersede-approval.js'

export interface AskedApproval {
  certificate: CertificateRow
  holder: HolderRow
  order: OrderRow
  job: JobRow
  profileId: string
  shown: Shown
  bound: string
}

/** Asks for a second person; the job is to wait for it. Certificate, holder, order and job are locked. Returns the approval's id. */
export async function requestApproval(services: Services, tx: Tx, asked: AskedApproval): Promise<string> {
  const { certificate, order, job, bound } = asked
  await supersedeApproval(tx, order, 'What was asked for has changed')
  const id = createId('approval', tx.now)
  const barred = await barredPersons(tx, asked)
  const expiresAt = new Date(tx.now.getTime() + services.config.job_awaiting_approval_timeout * 1000)
  await tx.approvals.insert({
    id,
    certificate_id: certificate.id,
    job_id: job.id,
    order_id: order.id,
    profile_id: asked.profileId,
    requested_by: job.requested_by,
    requested_by_person: barred[0] ?? '',
    barred_persons: barred,
    state: 'pending',
    shown: JSON.stringify(asked.shown),
    bound,
    expires_at: expiresAt,
    created_at: tx.now,
    updated_at: tx.now,
  })
  tx.audit.append({
    actor: systemActor,
    action: 'approval_requested',
    resource_type: 'approval',
    resource_id: id,
    details: { ...about(asked), requested_by: job.requested_by, requested_by_persons: barred, expires_at: expiresAt },
  })
  await tell(tx, asked, { id, expiresAt })
  return id
}

function about({ certificate, order, job, bound, shown, profileId }: AskedApproval) {
  return {
    certificate_id: certificate.id,
    job_id: job.id,
    order_id: order.id,
    profile_id: profileId,
    names: shown.names,
    issuer_id: shown.issuer_id,
    spki_sha256: shown.spki_sha256,
    target_ids: shown.targets.map((target) => target.id),
    bound,
  }
}

async function tell(
  tx: Tx,
  { certificate, holder, job, shown }: AskedApproval,
  { id, expiresAt }: { id: ApprovalRow['id']; expiresAt: Date },
): Promise<void> {
  const serving = holder.current_version_id === null ? undefined : await tx.versions.get(holder.current_version_id)
  await raiseAlert(tx, {
    subject: `approval:${holder.id}`,
    type: 'approval.requested',
    severity: severityOf(serving, tx.now),
    title: `${certificate.name} (${shown.names.slice(0, 5).join(', ')}) waits until ${expiresAt.toISOString()} for somebody other than ${job.requested_by} to approve its ${shown.renewal ? 'renewal' : 'issuance'}; then: certctl approvals approve ${id}`,
    command: `certctl approvals show ${id}`,
    data: { approval_id: id, job_id: job.id, expires_at: expiresAt.toISOString() },
    certificateId: certificate.id,
    issuerId: shown.issuer_id,
  })
}
