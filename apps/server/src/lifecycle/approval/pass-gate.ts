import { type CertctlError, isCertctlError } from '@certctl/core'
import { systemActor } from '../../access/principal.js'
import { emitEvent } from '../../notify/emit-event.js'
import type { Services } from '../../services.js'
import type { JobRow } from '../../store/jobs.js'
import type { Tx } from '../../store/store.js'
import { judgeCsr } from '../csr/judge-csr.js'
import { profileOf } from '../policy/profile-of.js'
import { requireRules } from '../policy/require-rules.js'
import { requestApproval } from './request-approval.js'
import { isSame, type ShownRows, shownOf } from './shown-of.js'

export type Passage =
  /** Where somebody agreed, to an issuer that was changed so often; it is to be asked as it was then. */
  { is: 'open'; issuerGeneration?: number | undefined } | { is: 'waiting' } | { is: 'refused'; error: CertctlError }

/**
 * The one gate before the CA: every order goes through it, whoever or whatever asked for it, in the transaction that counts its attempt,
 * with certificate, holder, order and job locked. What rules refuse ends there. Where the profile wants a second person and nobody agreed
 * to exactly this, somebody is asked, and the job is to wait. What a CA has in hand already is not held up again.
 */
export async function passGate(services: Services, tx: Tx, rows: ShownRows & { job: JobRow }): Promise<Passage> {
  if (rows.order.vendor_order_id !== null) return { is: 'open' }
  try {
    await requireRules(tx, rows.certificate)
    return await agreement(services, tx, rows)
  } catch (error) {
    if (isCertctlError(error)) return { is: 'refused', error }
    throw error
  }
}

async function agreement(services: Services, tx: Tx, rows: ShownRows & { job: JobRow }): Promise<Passage> {
  const { certificate, holder, order } = rows
  const profile = await profileOf(tx, certificate.certificate_profile_id)
  if (!profile.requiresApproval) return { is: 'open' }
  // Nobody is asked to agree to what would be refused all the same.
  await judgeCsr(tx, { certificate, csrPem: order.csr_pem, custody: holder.kind, now: tx.now })
  const asked = await shownOf(tx, rows)
  const { shown, bound, issuerGeneration } = asked
  const approved = await tx.approvals.listApproved(order.id)
  if (approved.some((row) => isSame(row, asked))) return { is: 'open', issuerGeneration }
  const id = await requestApproval(services, tx, { ...rows, profileId: profile.id, shown, bound })
  if (!services.config.approval_bypass) return { is: 'waiting' }
  await bypass(services, tx, { id, rows })
  return { is: 'open' }
}

async function bypass(
  { log }: Services,
  tx: Tx,
  { id, rows: { certificate, order } }: { id: string; rows: ShownRows },
): Promise<void> {
  const by = 'system-bypass'
  await tx.approvals.settle(id, {
    state: 'approved',
    decided_by: by,
    decided_by_person: by,
    decided_at: tx.now,
    decision_note: 'CERTCTL_APPROVAL_BYPASS is set',
    updated_at: tx.now,
  })
  tx.audit.append({
    actor: systemActor,
    action: 'approval_bypassed',
    resource_type: 'approval',
    resource_id: id,
    details: { certificate_id: certificate.id, order_id: order.id, decided_by: by },
  })
  const title = `${certificate.name} is issued without a second person, although its profile wants one: CERTCTL_APPROVAL_BYPASS is set`
  log.warn({ approval: id, certificate: certificate.id }, title)
  await emitEvent(tx, {
    type: 'approval.bypassed',
    severity: 'warning',
    title,
    certificateId: certificate.id,
    resolves: `approval:${order.holder_id}:warning`,
  })
}
