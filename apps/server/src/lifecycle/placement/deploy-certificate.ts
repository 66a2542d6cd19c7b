import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { PlacementView } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import { planPlacements } from './plan-placements.js'

export interface WantedDeployment {
  certificateId: string
  /** Absent: to every target. */
  targetId?: string | undefined
  actor: Actor
}

/** Deploys what is desired once more, now, whatever was refused before. Throws `not_found`, and `conflict` where there is nothing to deploy yet. Returns the jobs. */
export async function deployCertificate(services: Services, wanted: WantedDeployment): Promise<{ jobIds: string[] }> {
  const { certificateId, targetId, actor } = wanted
  return await services.store.transaction(async (tx) => {
    const certificate = await tx.certificates.lock(certificateId)
    if (certificate === undefined) throw new CertctlError('not_found', `There is no certificate ${certificateId}`)
    if (certificate.archived_at !== null)
      throw new CertctlError(
        'request_malformed',
        `Certificate ${certificate.name} is archived; it is not deployed any more`,
      )
    const placements = (await tx.placements.listOfCertificate(certificateId)).filter(
      (placement) => targetId === undefined || placement.target_id === targetId,
    )
    requireSomething(placements, wanted)
    for (const placement of placements) if (placement.desired_version_id !== null) await ask(tx, placement)
    tx.audit.append({
      actor,
      action: 'certificate.deployment_requested',
      resource_type: 'certificate',
      resource_id: certificateId,
      details: { target_id: targetId },
    })
    await planPlacements(tx, { certificate, requestedBy: actor.name })
    const open = await tx.jobs.listOpenOfCertificate(certificateId, 'deploy')
    const asked = new Set(placements.map(({ id }) => id))
    return {
      jobIds: open.flatMap(({ id, placement_id }) => (placement_id !== null && asked.has(placement_id) ? [id] : [])),
    }
  })
}

function requireSomething(placements: readonly PlacementView[], { certificateId, targetId }: WantedDeployment): void {
  if (placements.length === 0 && targetId !== undefined)
    throw new CertctlError(
      'not_found',
      `Certificate ${certificateId} does not go to target ${targetId}; add the target to it first`,
    )
  if (placements.length === 0)
    throw new CertctlError('conflict', `Certificate ${certificateId} goes to no target; add one to it first`)
  if (placements.every((placement) => placement.frozen_at !== null))
    throw new CertctlError(
      'conflict',
      `What certificate ${certificateId} has is revoked; renew it, and what comes is deployed`,
    )
  if (placements.every((placement) => placement.desired_version_id === null))
    throw new CertctlError(
      'conflict',
      `Certificate ${certificateId} is not issued yet; it is deployed as soon as it is`,
    )
}

async function ask(tx: Tx, placement: PlacementView): Promise<void> {
  if (placement.frozen_at !== null) return
  await tx.placements.update(placement.id, {
    state: placement.state === 'deploying' ? 'deploying' : 'pending',
    next_attempt_at: tx.now,
    blocked_code: null,
    blocked_generation: null,
    updated_at: tx.now,
  })
}
