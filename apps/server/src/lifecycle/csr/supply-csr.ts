import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { acceptCsr } from './accept-csr.js'

export interface SuppliedCsr {
  certificateId: string
  csrPem: string
  actor: Actor
}

/**
 * A CSR from whoever holds the key outside: for a renewal with another key, or because the stored one cannot be used any more. Throws
 * `not_found`, `conflict` for a certificate whose keys are the agents' alone, and what `accept-csr` throws. Returns the open jobs.
 */
export async function supplyCsr(
  services: Services,
  { certificateId, csrPem, actor }: SuppliedCsr,
): Promise<{ jobIds: string[] }> {
  const { store } = services
  const certificate = await store.certificates.get(certificateId)
  if (certificate === undefined) throw new CertctlError('not_found', `There is no certificate ${certificateId}`)
  const holders = await store.holders.listOfCertificate(certificateId)
  const outside = holders.find((holder) => holder.kind === 'outside')
  if (outside === undefined)
    throw new CertctlError(
      'conflict',
      `Nobody outside holds a key of ${certificate.name}: its agents make their own; create another certificate with this CSR`,
    )
  await acceptCsr(services, { holderId: outside.id, csrPem, isUnasked: true, actor })
  const open = await store.jobs.listOpenOfCertificate(certificateId, 'issue')
  return { jobIds: open.filter((job) => job.holder_id === outside.id).map(({ id }) => id) }
}
