import { reply } from '@certctl/api'
import { actorOf, type Principal } from '../../access/principal.js'
import { exportPem } from '../../inventory/export-pem.js'
import { exportPkcs12 } from '../../inventory/export-pkcs12.js'
import type { Services } from '../../services.js'
import { createExportLimit } from '../export-limit.js'
import type { Handlers } from '../handlers.js'

/** Exports are counted per principal, whatever is exported. */
export function exportRoutes(services: Services): Handlers<'exportCertificatePem' | 'exportCertificatePkcs12'> {
  const limit = createExportLimit(services.config.cert_export_rate_limit_per_actor_hr)
  const counted = async (principal: Principal) => {
    await limit(principal)
    return actorOf(principal)
  }
  return {
    async exportCertificatePem({ params, query, principal }) {
      const which = { certificateId: params.id, agentId: query.agent_id, versionId: query.version_id }
      const pem = await exportPem(services, { ...which, actor: await counted(principal) })
      if (query.download !== true) return reply(200, pem)
      return reply(200, pem.full_pem, fileHeaders('application/x-pem-file', 'certificate.pem'))
    },
    async exportCertificatePkcs12({ params, body, principal }) {
      const which = { certificateId: params.id, agentId: body.agent_id, versionId: body.version_id }
      const { password = '', format = 'modern', encoding = 'file' } = body
      const made = await exportPkcs12(services, { ...which, password, format, actor: await counted(principal) })
      const { file, fingerprint } = made
      if (encoding === 'base64')
        return reply(200, { pkcs12_base64: Buffer.from(file).toString('base64'), fingerprint_sha256: fingerprint })
      return reply(200, inOnePiece(file), fileHeaders('application/x-pkcs12', 'certificate.p12'))
    },
  }
}

function fileHeaders(type: string, name: string): Record<string, string> {
  return { 'content-type': type, 'content-disposition': `attachment; filename="${name}"`, 'cache-control': 'no-store' }
}

async function* inOnePiece(octets: Uint8Array): AsyncIterable<Uint8Array> {
  yield octets
}
