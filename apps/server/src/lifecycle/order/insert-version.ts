import type { Certificate } from '@certctl/pki'
import type { CertificateRow } from '../../store/certificates.js'
import { createId } from '../../store/create-id.js'
import type { HolderRow } from '../../store/holders.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import type { VersionRow } from '../../store/versions.js'

export interface IssuedCertificate {
  certificate: Certificate
  chainPem: string
  vendorRef: string | undefined
}

/** Writes a version and what it is made of. Certificate, holder and order are locked. `receivedAt`: where its life counts from another moment than now. */
export async function insertVersion(
  tx: Tx,
  { certificate, holder, order }: { certificate: CertificateRow; holder: HolderRow; order: OrderRow },
  {
    checked,
    standing,
    receivedAt = tx.now,
  }: { checked: IssuedCertificate; standing: 'current' | 'lost'; receivedAt?: Date | undefined },
): Promise<VersionRow> {
  const issued = checked.certificate
  const version: VersionRow = {
    id: createId('ver', tx.now),
    certificate_id: certificate.id,
    holder_id: holder.id,
    order_id: order.id,
    issuer_id: order.issuer_id,
    standing,
    generation: order.generation,
    serial_number: issued.serialNumber,
    fingerprint: issued.fingerprint,
    spki_sha256: issued.spkiSha256,
    key_algorithm: issued.publicKey.algorithm,
    key_size: issued.publicKey.size ?? 0,
    issuer_name: issued.issuerText,
    not_before: issued.notBefore,
    not_after: issued.notAfter,
    received_at: receivedAt,
    vendor_ref: checked.vendorRef ?? null,
    revoked_at: null,
    revocation_reason: null,
  }
  const der = Buffer.from(issued.der)
  await Promise.all([
    tx.versions.insert(version),
    tx.versionDers.insert({ version_id: version.id, der, chain_pem: checked.chainPem, csr_pem: order.csr_pem }),
  ])
  return version
}
