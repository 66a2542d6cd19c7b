import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { removePlacement } from './remove-placement.js'

/** Stops sending a certificate to a target; what is there stays there. */
export async function unlinkTarget(
  services: Services,
  { certificateId, targetId, actor }: { certificateId: string; targetId: string; actor: Actor },
): Promise<void> {
  await services.store.transaction(async (tx) => {
    const certificate = await tx.certificates.lock(certificateId)
    if (certificate === undefined) throw new CertctlError('not_found', `There is no certificate ${certificateId}`)
    const placement = await tx.placements.findPair(certificateId, targetId)
    if (placement === undefined)
      throw new CertctlError('not_found', `${certificate.name} does not go to target ${targetId}`)
    await removePlacement(tx, { placement, actor })
  })
}
