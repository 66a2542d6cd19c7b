import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { noteRequester } from '../asking/note-requester.js'
import { planIssuance } from '../order/plan-issuance.js'
import { addPlacement } from './add-placement.js'
import { planPlacements } from './plan-placements.js'
import { tellAddedTarget } from './tell-added-target.js'

export interface TargetLink {
  certificateId: string
  targetId: string
  actor: Actor
}

/** Sends a certificate to one more target: deployed at once where its agent holds a key, issued anew where it does not. Returns the placement's id. */
export async function linkTarget(services: Services, { certificateId, targetId, actor }: TargetLink): Promise<string> {
  return await services.store.transaction(async (tx) => {
    const certificate = await tx.certificates.lock(certificateId)
    if (certificate === undefined) throw new CertctlError('not_found', `There is no certificate ${certificateId}`)
    if (certificate.archived_at !== null)
      throw new CertctlError(
        'request_malformed',
        `Certificate ${certificate.name} is archived; it goes nowhere any more`,
      )
    const placementId = await addPlacement(tx, { certificate, targetId, field: 'target_id' })
    tx.audit.append({
      actor,
      action: 'certificate.target_added',
      resource_type: 'certificate',
      resource_id: certificateId,
      details: { target_id: targetId },
    })
    await tellAddedTarget(tx, { certificate, targetId, actor })
    await noteRequester(tx, certificate, actor)
    await planPlacements(tx, { certificate, requestedBy: actor.name })
    await planIssuance(services, tx, { certificate, requestedBy: actor.name, actor })
    return placementId
  })
}
