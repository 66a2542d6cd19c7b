import { CertctlError, looseType } from '@certctl/core'
import type { CertificateRow } from '../../store/certificates.js'
import { createId } from '../../store/create-id.js'
import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import { denial } from '../policy/denial.js'
import { profileOf } from '../policy/profile-of.js'

/**
 * Sends a certificate to one more target; what follows is planned by the caller. The certificate is locked. Throws `request_malformed`
 * for a target that is not there, and `conflict` where it goes there already or the target's one place is taken. Returns the placement's id.
 */
export async function addPlacement(
  tx: Tx,
  { certificate, targetId, field }: { certificate: CertificateRow; targetId: string; field: string },
): Promise<string> {
  const target = await tx.targets.lock(targetId)
  if (target === undefined || target.retired_at !== null) {
    const message = `There is no target "${targetId}"; list them with: certctl targets list`
    throw new CertctlError('request_malformed', message, { errors: [{ field, message }] })
  }
  const live = await tx.placements.listOfTarget(targetId)
  if (live.some((placement) => placement.certificate_id === certificate.id))
    throw new CertctlError('conflict', `${certificate.name} goes to ${target.name} already`)
  const [taken] = live
  if (taken !== undefined && (await holdsOne(tx, target))) {
    const other = await tx.certificates.get(taken.certificate_id)
    throw new CertctlError(
      'conflict',
      `${target.name} holds one certificate, and that is ${other?.name ?? taken.certificate_id}; remove it from there first, or add another target`,
    )
  }
  await requireAgentKeys(tx, certificate)
  const id = createId('placement', tx.now)
  await tx.placements.insert({
    id,
    certificate_id: certificate.id,
    target_id: targetId,
    state: 'pending',
    created_at: tx.now,
    updated_at: tx.now,
  })
  return id
}

async function requireAgentKeys(tx: Tx, { certificate_profile_id: profileId }: CertificateRow): Promise<void> {
  const profile = await profileOf(tx, profileId)
  if (profile.allowedKeyCustody.includes('agent')) return
  throw denial(profile, {
    field: 'target_ids',
    fault: 'a key made by an agent is not allowed',
    remedy: 'send the certificate to no target, or give it another profile',
  })
}

/** By what the target's agent reported of its type; of a type nobody described, one is assumed: two would overwrite each other. */
async function holdsOne(tx: Tx, target: TargetRow): Promise<boolean> {
  const types = await tx.connectorTypes.listOfAgent(target.agent_id)
  const wanted = looseType(target.type)
  const type = types.find(
    (each) => each.kind === 'target' && [each.type, ...each.aliases].map(looseType).includes(wanted),
  )
  const { holds } = (type?.capabilities ?? {}) as { holds?: unknown }
  return holds !== 'many'
}
