import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tx } from '../../store/store.js'
import { denial } from '../policy/denial.js'
import { profileOf } from '../policy/profile-of.js'

/** Throws `policy_denied` for a key that this holder was certified with before, where the profile wants a new one each time. */
export async function requireNewKey(
  tx: Tx,
  { certificate, holder, spkiSha256 }: { certificate: CertificateRow; holder: HolderRow; spkiSha256: string },
): Promise<void> {
  const profile = await profileOf(tx, certificate.certificate_profile_id)
  if (profile.allowsKeyReuse || (await tx.orders.findOfKey(holder.id, spkiSha256))?.state !== 'valid') return
  throw denial(profile, {
    field: 'csr_pem',
    fault: 'the key of an earlier version is not allowed again',
    remedy: 'make a new key and a CSR with it',
  })
}
