import { CertctlError, type IssuerHost, z } from '@certctl/core'
import { parseCertificate } from '@certctl/pki'

export interface Issued {
  certificatePem: string
  chainPem: string
}

const storedSchema = z.object({ certificate_pem: z.string(), chain_pem: z.string() })
/** An order that is asked again later than this was closed long before. */
const keptMs = 7 * 86_400_000

/** What was signed for an order before its answer was lost on the way to the lifecycle. Throws `conflict` where that was for another key. */
export async function findIssued(host: IssuerHost, orderId: string, spkiSha256: string): Promise<Issued | undefined> {
  const stored = await host.state.get(`issued/${orderId}`)
  if (stored === undefined) return undefined
  const { certificate_pem: certificatePem, chain_pem: chainPem } = storedSchema.parse(stored.value)
  if (parseCertificate(certificatePem).spkiSha256 === spkiSha256) return { certificatePem, chainPem }
  throw new CertctlError('conflict', `Order ${orderId} was fulfilled for another key; place a new order for this CSR`)
}

/** Remembers what was signed before anybody sees it. */
export async function recordIssued(host: IssuerHost, orderId: string, issued: Issued): Promise<void> {
  const value = { certificate_pem: issued.certificatePem, chain_pem: issued.chainPem }
  await host.state.put(`issued/${orderId}`, value, { expiresAt: new Date(host.now().getTime() + keptMs) })
}
