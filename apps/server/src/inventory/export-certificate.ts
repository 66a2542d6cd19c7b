import { CertctlError } from '@certctl/core'
import { encodePem } from '@certctl/pki'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import { unknownCertificate } from './get-certificate.js'

export interface ExportedPem {
  cert_pem: string
  chain_pem: string
  full_pem: string
}

/** The current certificate and its chain, never a key; of several holders, the first one's. Throws `not_found`, also where none was issued yet. */
export async function exportCertificate(
  services: Services,
  { certificateId, actor }: { certificateId: string; actor: Actor },
): Promise<ExportedPem> {
  return await services.store.transaction(async (tx) => {
    const certificate = await tx.certificates.get(certificateId)
    if (certificate === undefined) throw unknownCertificate(certificateId)
    const [version] = await tx.versions.listCurrentWithDer(certificateId)
    if (version === undefined) throw new CertctlError('not_found', `${certificate.name} is not issued yet`)
    tx.audit.append({
      actor,
      action: 'certificate.exported',
      resource_type: 'certificate',
      resource_id: certificateId,
      details: { version_id: version.id, fingerprint: version.fingerprint, form: 'pem' },
    })
    const leaf = encodePem('CERTIFICATE', version.der)
    return { cert_pem: leaf, chain_pem: version.chain_pem, full_pem: leaf + version.chain_pem }
  })
}
