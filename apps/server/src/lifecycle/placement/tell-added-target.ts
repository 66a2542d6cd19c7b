import { emitEvent } from '../../notify/emit-event.js'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { Tx } from '../../store/store.js'
import { profileOf } from '../policy/profile-of.js'

/** An approval is of an issuance: where two have to agree, people hear of it when what was approved goes to one more place. */
export async function tellAddedTarget(
  tx: Tx,
  { certificate, targetId, actor }: { certificate: CertificateRow; targetId: string; actor: Actor },
): Promise<void> {
  const profile = await profileOf(tx, certificate.certificate_profile_id)
  if (!profile.requiresApproval) return
  await emitEvent(tx, {
    type: 'certificate.target_added',
    severity: 'warning',
    title: `${actor.name} added the target ${targetId} to ${certificate.name}, whose issuance takes two people: what was approved already goes there without being approved again`,
    data: { profile_id: profile.id, added_by: actor.name },
    certificateId: certificate.id,
    targetId,
  })
}
