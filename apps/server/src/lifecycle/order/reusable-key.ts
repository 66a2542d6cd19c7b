import { isCertctlError } from '@certctl/core'
import { parseCsr } from '@certctl/pki'
import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tables } from '../../store/tables.js'

/** The key of the CSR that a holder outside left, where it may be asked for again; else whoever holds it must send another. */
export async function reusableKey(
  tables: Pick<Tables, 'profiles' | 'blockedKeys'>,
  holder: Pick<HolderRow, 'csr_pem' | 'current_version_id'>,
  { certificate_profile_id: profileId }: Pick<CertificateRow, 'certificate_profile_id'>,
): Promise<string | undefined> {
  if (holder.csr_pem === null) return undefined
  const profile = profileId === null ? undefined : await tables.profiles.get(profileId)
  const isFirst = holder.current_version_id === null
  if (!isFirst && profile?.allow_key_reuse === false) return undefined
  try {
    const { spkiSha256 } = parseCsr(holder.csr_pem).publicKey
    return (await tables.blockedKeys.has(spkiSha256)) ? undefined : spkiSha256
  } catch (error) {
    // What was readable when it was stored is refused by rules that came later: a new CSR is needed.
    if (isCertctlError(error)) return undefined
    throw error
  }
}
