import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { VersionRow } from '../../store/versions.js'
import { type RevocationCause, revokeVersions } from './revoke-versions.js'

export interface Revocation extends RevocationCause {
  versionId: string
  /** Where given, the version must be one of this certificate. */
  certificateId?: string | undefined
}

/**
 * Revokes one version, and where its key is compromised everything of that key: that can be reported of a version that was revoked for
 * another reason before. Throws `not_found` and `already_revoked`. Returns what was revoked, or whose key was blocked.
 */
export async function revokeVersion(
  services: Services,
  { versionId, certificateId, ...cause }: Revocation,
): Promise<VersionRow[]> {
  return await services.store.transaction(async (tx) => {
    const version = await tx.versions.get(versionId)
    if (version === undefined || (certificateId !== undefined && version.certificate_id !== certificateId))
      throw new CertctlError('not_found', `There is no version ${versionId}`)
    const alreadyRevoked = new CertctlError(
      'already_revoked',
      `The certificate with serial number ${version.serial_number} is revoked already`,
    )
    if (version.revoked_at !== null && cause.reason !== 'keyCompromise') throw alreadyRevoked
    const read = async () => await tx.versions.getMany([versionId])
    const revoked = await revokeVersions(services, tx, { cause, read, wholeCertificate: false })
    if (!revoked.some(({ id }) => id === versionId)) throw alreadyRevoked
    return revoked
  })
}
