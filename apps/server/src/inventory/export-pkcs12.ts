import { decodePem, encodePkcs12, type Pkcs12Format } from '@certctl/pki'
import type { Services } from '../services.js'
import { exportedVersion, type WantedExport } from './exported-version.js'

export interface WantedPkcs12 extends WantedExport {
  password: string
  format: Pkcs12Format
}

/** A certificate and its chain as a PKCS #12 trust store, never a key. */
export async function exportPkcs12(
  services: Services,
  { password, format, ...wanted }: WantedPkcs12,
): Promise<{ file: Uint8Array; fingerprint: string }> {
  const version = await services.store.transaction(async (tx) => {
    const about = { action: 'export_pkcs12', details: { format } }
    return (await exportedVersion(tx, wanted, about)).version
  })
  const certificates = [version.der, ...decodePem(version.chain_pem, 'CERTIFICATE')]
  const file = await encodePkcs12({ certificates, password, format })
  return { file, fingerprint: version.fingerprint }
}
