import { CertctlError } from '@certctl/core'
import type { ApprovalRow } from '../../store/approvals.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { JobRow } from '../../store/jobs.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import { renewCommand } from '../renewal/renew-command.js'

export interface ApprovalRows {
  approval: ApprovalRow
  certificate: CertificateRow
  holder: HolderRow
  order: OrderRow
  job: JobRow
}

/** What an approval is about, locked in the one sequence: key, certificate, holder, order, job, approval. Throws `not_found`, and `conflict` where nothing waits for it any more. */
export async function lockApproval(tx: Tx, approvalId: string): Promise<ApprovalRows> {
  const unlocked = await tx.approvals.get(approvalId)
  if (unlocked === undefined)
    throw new CertctlError('not_found', `There is no approval ${approvalId}; list them with: certctl approvals list`)
  const asked = await tx.orders.get(unlocked.order_id)
  if (asked !== undefined) await tx.blockedKeys.lock(asked.spki_sha256)
  const certificate = await tx.certificates.lock(unlocked.certificate_id)
  const holder = await tx.holders.lock(asked?.holder_id ?? '')
  const order = await tx.orders.lock(unlocked.order_id)
  const job = await tx.jobs.lock(unlocked.job_id)
  const approval = await tx.approvals.lock(approvalId)
  if (approval !== undefined && approval.state !== 'pending')
    throw await settledAlready(tx, { approval, certificate, holder })
  const isWaiting = job?.state === 'waiting_approval' && job.order_id === order?.id && order?.state === 'open'
  if (isWaiting && certificate !== undefined && holder !== undefined && approval !== undefined)
    return { approval, certificate, holder, order, job }
  throw new CertctlError('conflict', `Nothing waits for approval ${approvalId} any more`)
}

interface Settled {
  approval: ApprovalRow
  certificate: CertificateRow | undefined
  holder: HolderRow | undefined
}

async function settledAlready(tx: Tx, { approval, certificate, holder }: Settled): Promise<CertctlError> {
  const { id, state, decided_by: by, decision_note: note } = approval
  const who = by === null ? '' : ` by ${by}`
  const why = note === null || note === '' ? '' : ` (${note})`
  const isAskedAgain = state === 'expired' && certificate !== undefined && holder !== undefined
  const next = isAskedAgain ? `; ask for it again with: ${await renewCommand(tx, { certificate, holder })}` : ''
  return new CertctlError('conflict', `Approval ${id} is ${state} already${who}${why}${next}`)
}
