import { systemActor } from '../../access/principal.js'
import { emitEvent } from '../../notify/emit-event.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { Tx } from '../../store/store.js'
import { noteViolations } from '../policy/note-violations.js'
import { resolveAlert } from '../resolve-alert.js'
import { subjectsOfHolder } from '../subjects-of-holder.js'

/**
 * What was imported without a CSR is looked after until an agent has deployed a certificate of its own. From then on its end would make of
 * what the agents serve one that has expired, and nobody could do anything about it. It can still be revoked. The certificate is locked.
 */
export async function giveUpImported(tx: Tx, certificate: CertificateRow): Promise<void> {
  const { id: certificateId, name, source } = certificate
  if (source !== 'import') return
  let isGivenUp = false
  const holders = await tx.holders.listOfCertificate(certificateId)
  for (const { id, kind, csr_pem, current_version_id } of holders) {
    if (kind !== 'outside' || csr_pem !== null) continue
    isGivenUp = true
    const title = `An agent has deployed a certificate of its own for ${name}: what was imported is looked after no more`
    await tx.holders.update(id, { closed_at: tx.now })
    await tx.jobs.cancel({ column: 'holder_id', value: id }, { at: tx.now, reason: title })
    const details = { holder_id: id, version_id: current_version_id ?? undefined }
    const about = { type: 'certificate.given_up', certificateId, title, data: details }
    tx.audit.append({
      actor: systemActor,
      action: about.type,
      resource_type: 'certificate',
      resource_id: certificateId,
      details,
    })
    await emitEvent(tx, { ...about, severity: 'info' })
    await resolveAlert(tx, { ...about, subject: subjectsOfHolder(id) })
  }
  // Rules judge what is held.
  if (isGivenUp) await noteViolations(tx, certificate)
}
