import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Tx } from '../../store/store.js'
import type { VersionRow } from '../../store/versions.js'
import { type RevocationCause, revokeVersions } from './revoke-versions.js'

export interface CertificateRevocation extends RevocationCause {
  certificateId: string
}

/**
 * Revokes every version of a certificate that could still be used, whoever holds it, in a transaction that has locked no other
 * certificate after it in the order of ids, and for a compromised key none at all. Throws `not_found`, `request_malformed` for an
 * archived one, `already_revoked`, and `conflict` where nothing was issued or all of it has ended. Returns what was revoked.
 */
export async function revokeCertificateIn(
  services: Services,
  tx: Tx,
  { certificateId, ...cause }: CertificateRevocation,
): Promise<VersionRow[]> {
  const certificate = await tx.certificates.get(certificateId)
  if (certificate === undefined) throw new CertctlError('not_found', `There is no certificate ${certificateId}`)
  if (certificate.archived_at !== null)
    throw new CertctlError(
      'request_malformed',
      `${certificate.name} is archived; revoke the version of it that is still trusted, by its id`,
    )
  const read = async () => await tx.versions.listRevocable(certificateId, tx.now)
  const revoked = await revokeVersions(services, tx, { cause, read, wholeCertificate: true })
  if (revoked.length === 0) throw await nothingToRevoke(tx, certificate)
  return revoked
}

export async function revokeCertificate(services: Services, revocation: CertificateRevocation): Promise<VersionRow[]> {
  return await services.store.transaction(async (tx) => await revokeCertificateIn(services, tx, revocation))
}

async function nothingToRevoke(tx: Tx, { id, name }: { id: string; name: string }): Promise<CertctlError> {
  const current = await tx.versions.listCurrent(id)
  if (current.some((version) => version.revoked_at !== null))
    return new CertctlError('already_revoked', `${name} is revoked already`)
  const fault = current.length === 0 ? 'nothing was issued for it yet' : 'it has ended already'
  return new CertctlError('conflict', `There is nothing to revoke of ${name}: ${fault}`)
}
