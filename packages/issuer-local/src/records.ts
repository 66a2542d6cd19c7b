import {
  CertctlError,
  isCertctlError,
  type RevocationReason,
  type SerialNumber,
  type StateStore,
  type Stored,
  z,
} from '@certctl/core'
import { parseCertificate } from '@certctl/pki'

const issuedSchema = z.object({
  certificate_pem: z.string(),
  chain_pem: z.string(),
  spki_sha256: z.string(),
  serial_number: z.string(),
})
export type Issued = z.output<typeof issuedSchema>

const week = 7 * 86_400_000

/** What was issued under an order. One record per order, whoever writes first. */
export function createRecords(state: StateStore) {
  const find = async (orderId: string): Promise<Issued | undefined> => issuedOf(await state.get(`issued/${orderId}`))
  return {
    find,

    /** Records a certificate before anybody sees it; where another server was first, the answer is what that one recorded. */
    async record(orderId: string, issued: Issued): Promise<Issued> {
      const { notAfter } = parseCertificate(issued.certificate_pem)
      const written = await putOnce(state, `issued/${orderId}`, issued, notAfter)
      return written ? issued : ((await find(orderId)) ?? lost(orderId))
    },

    /** Remembers a revocation; again is no change. Kept a week beyond the certificate, so that a CRL after its end can still name it (RFC 5280 §3.3). */
    async revoke(
      serialNumber: SerialNumber,
      { reason, at, notAfter }: { reason: RevocationReason; at: Date; notAfter: Date },
    ): Promise<void> {
      const expiresAt = new Date(Math.max(notAfter.getTime(), at.getTime()) + week)
      await putOnce(state, `revoked/${serialNumber}`, { reason, revoked_at: at.toISOString() }, expiresAt)
    },
  }
}

function issuedOf(stored: Stored | undefined): Issued | undefined {
  return stored === undefined ? undefined : issuedSchema.parse(stored.value)
}

async function putOnce(
  state: StateStore,
  key: string,
  value: Issued | { reason: string; revoked_at: string },
  expiresAt: Date,
): Promise<boolean> {
  try {
    await state.put(key, value, { expect: 'absent', expiresAt })
    return true
  } catch (error) {
    if (isCertctlError(error) && error.code === 'conflict' && (await state.get(key)) !== undefined) return false
    throw error
  }
}

function lost(orderId: string): never {
  throw new CertctlError('conflict', `The record of order ${orderId} was removed while it was written; try again`)
}
