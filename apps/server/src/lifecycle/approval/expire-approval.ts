import { systemActor } from '../../access/principal.js'
import type { Services } from '../../services.js'
import type { Tx } from '../../store/store.js'
import { closeOrder } from '../order/close-order.js'
import { raiseAlert } from '../raise-alert.js'
import { renewCommand } from '../renewal/renew-command.js'
import { severityOf } from '../severity-of.js'
import { type ApprovalRows, lockApproval } from './lock-approval.js'

/** Nobody decided in time: the job ends, and people are told what to type to ask again. Throws `conflict` where somebody decided meanwhile. */
export async function expireApproval({ store }: Pick<Services, 'store'>, approvalId: string): Promise<void> {
  await store.transaction(async (tx) => {
    await endOverdue(tx, await lockApproval(tx, approvalId))
  })
}

/** Ends what waits for an approval whose time is over; returns whether it is. */
export async function endOverdue(tx: Tx, rows: ApprovalRows): Promise<boolean> {
  const { approval, holder, certificate, order, job } = rows
  if (approval.expires_at.getTime() > tx.now.getTime()) return false
  const message = `Nobody approved it until ${approval.expires_at.toISOString()}`
  const told = { last_error_code: 'approval_required', last_error: message }
  await closeOrder(tx, order, { state: 'expired', reason: message })
  await tx.jobs.update(job.id, {
    ...told,
    state: 'done',
    outcome: 'failed',
    completed_at: tx.now,
    locked_until: null,
  })
  await tx.holders.update(holder.id, {
    ...told,
    next_attempt_at: null,
    blocked_code: 'approval_required',
    blocked_generation: certificate.generation,
  })
  await tell(tx, rows, message)
  return true
}

async function tell(tx: Tx, { approval, holder, certificate, job }: ApprovalRows, message: string): Promise<void> {
  const serving = holder.current_version_id === null ? undefined : await tx.versions.get(holder.current_version_id)
  tx.audit.append({
    actor: systemActor,
    action: 'certificate.issuance_refused',
    resource_type: 'certificate',
    resource_id: certificate.id,
    details: { approval_id: approval.id, job_id: job.id, code: 'approval_required', message },
  })
  await raiseAlert(tx, {
    subject: `issuance:${holder.id}`,
    type: 'certificate.issuance_blocked',
    severity: severityOf(serving, tx.now),
    title: `${certificate.name} is not issued: nobody approved it until ${approval.expires_at.toISOString()}; ask for it again, and have somebody else approve it`,
    command: await renewCommand(tx, { certificate, holder }),
    data: { approval_id: approval.id, job_id: job.id, code: 'approval_required' },
    certificateId: certificate.id,
  })
}
