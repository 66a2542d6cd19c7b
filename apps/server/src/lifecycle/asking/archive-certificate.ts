import { CertctlError } from '@certctl/core'
import { emitEvent } from '../../notify/emit-event.js'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { closeOrder } from '../order/close-order.js'
import { subjectOfViolation } from '../policy/record-violations.js'
import { resolveAlert } from '../resolve-alert.js'
import { subjectsOfHolder } from '../subjects-of-holder.js'

/** Kept and shown, never renewed or deployed any more. Its orders and jobs end; what is deployed stays. Archiving twice is archiving once. */
export async function archiveCertificate(
  services: Services,
  { certificateId, actor }: { certificateId: string; actor: Actor },
): Promise<void> {
  await services.store.transaction(async (tx) => {
    const certificate = await tx.certificates.lock(certificateId)
    if (certificate === undefined) throw new CertctlError('not_found', `There is no certificate ${certificateId}`)
    if (certificate.archived_at !== null) return
    await tx.certificates.update(certificateId, { archived_at: tx.now, updated_at: tx.now })
    const holders = await tx.holders.listOfCertificate(certificateId)
    const placements = await tx.placements.listOfCertificate(certificateId)
    const violations = await tx.policyViolations.listOpenOfCertificate(certificateId)
    for (const { id } of holders) {
      const order = await tx.orders.lockOpenOfHolder(id)
      if (order !== undefined)
        await closeOrder(tx, order, { state: 'abandoned', reason: 'the certificate was archived' })
    }
    for (const { id } of placements)
      await tx.placements.update(id, {
        removed_at: tx.now,
        next_attempt_at: null,
        verify_at: null,
        updated_at: tx.now,
      })
    await tx.policyViolations.resolveOfCertificate(certificateId, tx.now)
    const reason = 'The certificate was archived'
    await tx.jobs.cancel({ column: 'certificate_id', value: certificateId }, { at: tx.now, reason })
    tx.audit.append({
      actor,
      action: 'certificate.archived',
      resource_type: 'certificate',
      resource_id: certificateId,
      details: { name: certificate.name },
    })
    const title = `${certificate.name} was archived; it is not renewed or deployed any more`
    await emitEvent(tx, { type: 'certificate.archived', severity: 'info', title, certificateId })
    await resolveAlert(tx, {
      subject: [
        ...holders.flatMap(({ id }) => subjectsOfHolder(id)),
        ...placements.map(({ id }) => `placement:${id}`),
        ...violations.map(({ rule_id: ruleId }) => subjectOfViolation(certificateId, ruleId)),
      ],
      type: 'certificate.given_up',
      title,
      certificateId,
    })
  })
}
