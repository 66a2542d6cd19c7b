import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { Tx } from '../../store/store.js'
import { knownAs } from '../asking/known-as.js'
import { closeOrder } from '../order/close-order.js'
import { planIssuance } from '../order/plan-issuance.js'
import { renewCommand } from '../renewal/renew-command.js'
import { resolveAlert } from '../resolve-alert.js'
import { barredPersons } from './barred-persons.js'
import { endOverdue } from './expire-approval.js'
import { type ApprovalRows, lockApproval } from './lock-approval.js'
import { requestApproval } from './request-approval.js'
import { isSame, shownOf } from './shown-of.js'

export interface ApprovalDecision {
  approvalId: string
  decision: 'approve' | 'reject'
  note?: string | undefined
  actor: Actor
}

/**
 * A second person says yes or no to exactly what was shown. Throws `not_found`; `conflict` where it was decided already, where its time is
 * over, or where what is asked for has changed meanwhile, which is then to be looked at anew; `forbidden` for whoever asked for it, with
 * this key or another one; and `csr_rejected` for a key that was reported compromised.
 */
export async function decideApproval(services: Services, decision: ApprovalDecision): Promise<void> {
  const refusal = await services.store.transaction(async (tx) => await decide(services, tx, decision))
  if (refusal !== undefined) throw refusal
}

/** What is refused and changed something all the same is returned, so that the change is kept. */
async function decide(services: Services, tx: Tx, decision: ApprovalDecision): Promise<CertctlError | undefined> {
  const rows = await lockApproval(tx, decision.approvalId)
  const { approval } = rows
  await requireOther(tx, rows, decision.actor)
  // A no that comes too late is refused too: what ended by itself is not said to have been rejected.
  if (await endOverdue(tx, rows)) return await tooLate(tx, rows)
  if (decision.decision === 'reject') return await reject(tx, rows, decision)
  if (await tx.blockedKeys.has(rows.order.spki_sha256)) return await dropBlockedKey(services, tx, rows)
  const current = await shownOf(tx, rows)
  if (isSame(approval, current)) return await approve(tx, rows, decision)
  const { shown, bound } = current
  const next = await requestApproval(services, tx, { ...rows, shown, bound, profileId: approval.profile_id })
  return new CertctlError(
    'conflict',
    `What approval ${approval.id} is about has changed since it was asked for; look at what is asked for now with: certctl approvals show ${next}`,
  )
}

async function tooLate(tx: Tx, { approval, certificate, holder }: ApprovalRows): Promise<CertctlError> {
  return new CertctlError(
    'conflict',
    `Approval ${approval.id} expired at ${approval.expires_at.toISOString()}; ask for it again with: ${await renewCommand(tx, { certificate, holder })}`,
  )
}

/** Two different people, by who they are and not by which key they use; and a key that asked is never the second, whatever it is called by now. */
async function requireOther(tx: Tx, rows: ApprovalRows, actor: Actor): Promise<void> {
  const { approval, job } = rows
  if (actor.type !== 'User' || actor.person === undefined)
    throw new CertctlError(
      'forbidden',
      `Approval ${approval.id} is decided by a person with an API key, and nobody else`,
    )
  const barred = new Set([...approval.barred_persons, ...(await barredPersons(tx, rows))])
  if (!(await knownAs(tx, actor)).some((text) => barred.has(text))) return
  throw new CertctlError(
    'forbidden',
    `${actor.name} or whoever it belongs to (${actor.person}) asked for this: somebody else has to decide about approval ${approval.id}. To take the request back: certctl jobs cancel ${job.id}`,
  )
}

async function approve(tx: Tx, rows: ApprovalRows, decision: ApprovalDecision): Promise<undefined> {
  await settle(tx, rows, decision)
  await tx.jobs.update(rows.job.id, { state: 'ready', run_at: tx.now, last_error: null, last_error_code: null })
  tx.wake('work', 'issue')
}

async function reject(tx: Tx, rows: ApprovalRows, decision: ApprovalDecision): Promise<undefined> {
  const { certificate, holder, order, job } = rows
  const note = decision.note === undefined || decision.note === '' ? '' : `: ${decision.note}`
  const message = `Rejected by ${decision.actor.name}${note}`
  await settle(tx, rows, decision)
  await closeOrder(tx, order, { state: 'abandoned', reason: message })
  await tx.jobs.cancel({ column: 'id', value: job.id }, { at: tx.now, reason: message })
  await tx.holders.update(holder.id, {
    last_error_code: 'policy_denied',
    last_error: message,
    next_attempt_at: null,
    // A person's word, which no change of a profile or rule takes back.
    blocked_code: 'approval_required',
    blocked_generation: certificate.generation,
  })
}

async function settle(tx: Tx, rows: ApprovalRows, { decision, note, actor }: ApprovalDecision): Promise<void> {
  const { approval, certificate, order, job } = rows
  const state = decision === 'approve' ? 'approved' : 'rejected'
  await tx.approvals.settle(approval.id, {
    state,
    decided_by: actor.name,
    decided_by_person: actor.person ?? null,
    decided_at: tx.now,
    decision_note: note ?? null,
    updated_at: tx.now,
  })
  const details = { certificate_id: certificate.id, order_id: order.id, job_id: job.id, note, bound: approval.bound }
  tx.audit.append({
    actor,
    action: `approval_${state}`,
    resource_type: 'approval',
    resource_id: approval.id,
    details: { ...details, person: actor.person },
  })
  const about = { type: `approval.${state}`, certificateId: certificate.id, issuerId: order.issuer_id }
  const title = `${actor.name} ${state} the ${job.renewal ? 'renewal' : 'issuance'} of ${certificate.name}${note === undefined || note === '' ? '' : `: ${note}`}`
  const data = { approval_id: approval.id, job_id: job.id }
  await resolveAlert(tx, { ...about, subject: `approval:${order.holder_id}`, title, data })
}

/** Race rule 7: a key that was reported compromised while it waited is not certified, whoever agrees. */
async function dropBlockedKey(services: Services, tx: Tx, rows: ApprovalRows): Promise<CertctlError> {
  const { certificate, order, job } = rows
  const reason = 'its key was reported compromised'
  await closeOrder(tx, order, { state: 'abandoned', reason })
  await tx.jobs.update(job.id, {
    state: 'done',
    outcome: 'superseded',
    completed_at: tx.now,
    locked_until: null,
    last_error: reason,
  })
  await planIssuance(services, tx, { certificate, requestedBy: 'System' })
  return new CertctlError(
    'csr_rejected',
    `The key that ${certificate.name} was to be issued for was reported compromised; another one is asked for`,
  )
}
