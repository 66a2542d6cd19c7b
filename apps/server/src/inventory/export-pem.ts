import { encodePem } from '@certctl/pki'
import type { Services } from '../services.js'
import { exportedVersion, type WantedExport } from './exported-version.js'

export interface ExportedPem {
  cert_pem: string
  chain_pem: string
  full_pem: string
}

/** A certificate and its chain, never a key. */
export async function exportPem(services: Services, wanted: WantedExport): Promise<ExportedPem> {
  return await services.store.transaction(async (tx) => {
    const { version } = await exportedVersion(tx, wanted, { action: 'export_pem' })
    const leaf = encodePem('CERTIFICATE', version.der)
    return { cert_pem: leaf, chain_pem: version.chain_pem, full_pem: leaf + version.chain_pem }
  })
}
