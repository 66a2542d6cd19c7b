import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tx } from '../../store/store.js'

const deadlineDays = 30
const dayMs = 86_400_000

/** Writes the order before anybody is asked anything. Certificate and holder are locked, and no order of the holder is open. */
export async function openOrder(
  tx: Tx,
  {
    certificate,
    holder,
    csr,
  }: { certificate: CertificateRow; holder: HolderRow; csr: { pem: string; spkiSha256: string } },
): Promise<string> {
  const id = tx.chance.uuid()
  await tx.orders.insert({
    id,
    holder_id: holder.id,
    certificate_id: certificate.id,
    issuer_id: certificate.issuer_id,
    state: 'open',
    generation: certificate.generation,
    csr_pem: csr.pem,
    spki_sha256: csr.spkiSha256,
    previous_version_id: holder.current_version_id,
    deadline: new Date(tx.now.getTime() + deadlineDays * dayMs),
    created_at: tx.now,
  })
  return id
}
