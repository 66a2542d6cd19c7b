import type { CertificateVersion } from '@certctl/api'
import { encodePem } from '@certctl/pki'
import type { VersionWithDer } from '../store/versions.js'

/** One issued certificate, as the wire shows it. */
export function versionView(row: VersionWithDer): CertificateVersion {
  return {
    id: row.id,
    certificate_id: row.certificate_id,
    serial_number: row.serial_number,
    not_before: row.not_before.toISOString(),
    not_after: row.not_after.toISOString(),
    fingerprint_sha256: row.fingerprint,
    pem_chain: encodePem('CERTIFICATE', row.der) + row.chain_pem,
    csr_pem: row.csr_pem,
    key_algorithm: row.key_algorithm,
    key_size: row.key_size,
    created_at: row.received_at.toISOString(),
    issuer_id: row.issuer_id,
    holder_id: row.holder_id,
    current: row.standing === 'current',
    spki_sha256: row.spki_sha256,
  }
}
