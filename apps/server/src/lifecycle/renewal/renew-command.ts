import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tables } from '../../store/tables.js'
import { hasPlace } from '../order/has-place.js'
import { reusableKey } from '../order/reusable-key.js'

export interface Keeper {
  /** An agent that has a place for it, or somebody outside, where its profile allows that. */
  mayHoldKey: boolean
  /** Outside, with no CSR that could be asked for again. */
  needsCsr: boolean
}

/** What people type to have it issued anew for one who holds its key. */
export function renewCommandFor(certificateId: string, { mayHoldKey, needsCsr }: Keeper): string {
  if (!mayHoldKey) return `certctl certificates add-target ${certificateId} TARGET`
  return `certctl certificates renew ${certificateId}${needsCsr ? ' --csr FILE' : ''}`
}

export interface Kept {
  certificate: Pick<CertificateRow, 'id' | 'certificate_profile_id'>
  holder: Pick<HolderRow, 'kind' | 'agent_id' | 'csr_pem' | 'current_version_id'>
}

/** The same by what is stored: as `planIssuance` judges it, so that the command is not refused. */
export async function renewCommand(
  tables: Pick<Tables, 'profiles' | 'blockedKeys' | 'placements'>,
  kept: Kept,
): Promise<string> {
  return renewCommandFor(kept.certificate.id, await keeperOf(tables, kept))
}

export async function keeperOf(
  tables: Pick<Tables, 'profiles' | 'blockedKeys' | 'placements'>,
  { certificate, holder }: Kept,
): Promise<Keeper> {
  if (holder.kind !== 'outside') {
    const placements = await tables.placements.listOfCertificate(certificate.id)
    return { mayHoldKey: hasPlace(holder, placements), needsCsr: false }
  }
  const { certificate_profile_id: profileId } = certificate
  const profile = profileId === null ? undefined : await tables.profiles.get(profileId)
  return {
    mayHoldKey: profile?.allowed_key_custody.includes('outside') ?? true,
    needsCsr: (await reusableKey(tables, holder, certificate)) === undefined,
  }
}
