import { CertctlError } from '@certctl/core'
import type { Tx } from '../../store/store.js'

/** Throws `conflict` where another certificate that is not archived has the name. */
export async function requireFreeCertificateName(tx: Tx, name: string, exceptId?: string): Promise<void> {
  const namesake = await tx.certificates.findLiveByName(name)
  if (namesake === undefined || namesake.id === exceptId) return
  throw new CertctlError(
    'conflict',
    `There is already a certificate named "${name}" (${namesake.id}); choose another name, or change that one`,
  )
}
