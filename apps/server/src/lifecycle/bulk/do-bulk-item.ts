import { CertctlError, type RevocationReason } from '@certctl/core'
import type { Services } from '../../services.js'
import type { SettledItem } from '../../store/bulk-items.js'
import type { BulkOperationRow } from '../../store/bulk-operations.js'
import type { Tx } from '../../store/store.js'
import { changeCertificateIn } from '../asking/change-certificate.js'
import { renewCertificateIn } from '../asking/renew-certificate.js'
import { revokeCertificateIn } from '../revocation/revoke-certificate.js'

/** One certificate of a bulk operation, by the functions that do it for one alone, in the caller's transaction. Throws what they throw. */
export async function doBulkItem(
  services: Services,
  tx: Tx,
  { operation, certificateId }: { operation: BulkOperationRow; certificateId: string },
): Promise<SettledItem> {
  const result_job_id = await actions[operation.action](services, tx, { operation, certificateId })
  return { certificate_id: certificateId, state: 'done', code: null, message: null, result_job_id }
}

type Action = (
  services: Services,
  tx: Tx,
  item: { operation: BulkOperationRow; certificateId: string },
) => Promise<string | null>

const actions: Readonly<Record<BulkOperationRow['action'], Action>> = {
  async renew(services, tx, { operation: { actor }, certificateId }) {
    const { jobIds } = await renewCertificateIn(services, tx, { certificateId, actor, force: false })
    return jobIds[0] ?? null
  },
  async revoke(services, tx, { operation, certificateId }) {
    const { reason, reason_text: reasonText = 'Revoked in bulk' } = operation.arguments
    if (reason === undefined) throw new CertctlError('internal', `Job ${operation.job_id} has no reason to revoke`)
    const cause = { reason: reason as RevocationReason, reasonText, actor: operation.actor }
    await revokeCertificateIn(services, tx, { certificateId, ...cause })
    return null
  },
  async reassign(services, tx, { operation, certificateId }) {
    const { owner_id: ownerId, team_id: teamId } = operation.arguments
    const unconditional = async () => {}
    await changeCertificateIn(services, tx, {
      certificateId,
      actor: operation.actor,
      check: unconditional,
      ownerId,
      teamId,
    })
    return null
  },
}
