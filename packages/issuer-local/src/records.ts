import { type RevocationReason, type StateStore, z } from '@certctl/core'
import type { Certificate } from '@certctl/pki'
import { putOnce } from './put-once.js'

const issuedSchema = z.object({ certificate_pem: z.string(), chain_pem: z.string(), spki_sha256: z.string() })
export type Issued = z.output<typeof issuedSchema>

/** Records a certificate before anybody sees it. Where another server was faster, the answer is what that one recorded. */
export async function recordIssued(
  state: StateStore,
  orderId: string,
  { certificate, chainPem }: { certificate: Certificate; chainPem: string },
): Promise<Issued> {
  const { pem, spkiSha256, notAfter } = certificate
  const value = { certificate_pem: pem, chain_pem: chainPem, spki_sha256: spkiSha256 }
  return issuedSchema.parse((await putOnce(state, { key: `issued/${orderId}`, value, expiresAt: notAfter })).value)
}

const week = 7 * 86_400_000

/** Remembers a revocation; again is no change. Kept a week beyond the certificate, so that a CRL after its end can still name it (RFC 5280 §3.3). */
export async function recordRevoked(
  state: StateStore,
  { serialNumber, notAfter }: Certificate,
  { reason, at }: { reason: RevocationReason; at: Date },
): Promise<void> {
  const expiresAt = new Date(Math.max(notAfter.getTime(), at.getTime()) + week)
  await putOnce(state, { key: `revoked/${serialNumber}`, value: { reason, revoked_at: at.toISOString() }, expiresAt })
}
