import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import { acceptCsr } from './accept-csr.js'
import { orderAnswer } from './order-answer.js'

export interface SuppliedCsr {
  certificateId: string
  csrPem: string
  actor: Actor
  signal: AbortSignal
}

const patienceSeconds = 3

/**
 * A CSR from whoever holds the key outside: for a renewal with another key, or because the stored one cannot be used any more. Throws
 * `not_found`, `conflict` for a certificate whose keys are the agents' alone, and what `accept-csr` throws.
 */
export async function supplyCsr(
  services: Services,
  { certificateId, csrPem, actor, signal }: SuppliedCsr,
): Promise<'csr_signed' | 'order_pending' | 'awaiting_approval'> {
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
  const orderId = await acceptCsr(services, { holderId: outside.id, csrPem, isUnasked: true, actor })
  return await orderAnswer(services, { orderId, patienceSeconds, signal })
}
