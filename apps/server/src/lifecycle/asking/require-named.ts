import { requireReference } from '../../inventory/nouns/require-reference.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { Tx } from '../../store/store.js'

/** What a certificate is asked to name: absent stays as it is, null names nothing. */
export interface Naming {
  ownerId?: string | null | undefined
  teamId?: string | null | undefined
  renewalPolicyId?: string | null | undefined
  certificateProfileId?: string | null | undefined
}
type Named = Pick<CertificateRow, 'owner_id' | 'team_id' | 'renewal_policy_id' | 'certificate_profile_id'>

/**
 * Throws a fault of the field that names what is not there; what is there stays so until the transaction ends. Returns the team: with
 * a new owner comes the owner's, unless one was given; and the profile: a new certificate that names none has the one of its renewal
 * policy. What was named before is not asked for again.
 */
export async function requireNamed(
  tx: Tx,
  naming: Naming,
  before?: Named | undefined,
): Promise<{ teamId: string | null | undefined; profileId: string | null | undefined }> {
  const isNew = (id: string | null | undefined, known: string | null | undefined) => (id === known ? undefined : id)
  const owner = isNew(naming.ownerId, before?.owner_id)
  const profile = isNew(naming.certificateProfileId, before?.certificate_profile_id)
  const policy = isNew(naming.renewalPolicyId, before?.renewal_policy_id)
  await requireReference(tx, { field: 'owner_id', kind: 'owner', id: owner })
  await requireReference(tx, { field: 'team_id', kind: 'team', id: isNew(naming.teamId, before?.team_id) })
  await requireReference(tx, { field: 'renewal_policy_id', kind: 'renewal policy', id: policy })
  await requireReference(tx, { field: 'certificate_profile_id', kind: 'profile', id: profile })
  const isSilent = before === undefined && naming.certificateProfileId === undefined
  return {
    teamId: await teamOf(tx, naming, owner),
    profileId: isSilent && policy != null ? await profileOfPolicy(tx, policy) : naming.certificateProfileId,
  }
}

async function teamOf(
  tx: Tx,
  { teamId }: Naming,
  owner: string | null | undefined,
): Promise<string | null | undefined> {
  if (teamId !== undefined || owner === undefined || owner === null) return teamId
  return (await tx.owners.get(owner))?.team_id ?? undefined
}

/** Taken once: whoever changes the policy later does not change what its certificates may have. */
async function profileOfPolicy(tx: Tx, policyId: string): Promise<string | undefined> {
  const profileId = (await tx.renewalPolicies.get(policyId))?.certificate_profile_id ?? undefined
  await requireReference(tx, { field: 'certificate_profile_id', kind: 'profile', id: profileId })
  return profileId
}
