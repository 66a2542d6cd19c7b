import { CertctlError } from '@certctl/core'
import { emitEvent } from '../../notify/emit-event.js'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { closeOrder } from '../order/close-order.js'

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
    for (const { id } of await tx.holders.listOfCertificate(certificateId)) {
      const order = await tx.orders.lockOpenOfHolder(id)
      if (order !== undefined)
        await closeOrder(tx, order, { state: 'abandoned', reason: 'the certificate was archived' })
    }
    for (const { id } of await tx.placements.listOfCertificate(certificateId))
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
    await emitEvent(tx, {
      type: 'certificate.archived',
      severity: 'info',
      title: `${certificate.name} was archived; it is not renewed or deployed any more`,
      certificateId,
    })
  })
}
