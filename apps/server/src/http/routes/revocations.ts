import { type Revocation, reply } from '@certctl/api'
import { actorOf } from '../../access/principal.js'
import { listRevocations } from '../../inventory/certificate-parts.js'
import { revokeCertificate } from '../../lifecycle/revocation/revoke-certificate.js'
import { revokeVersion } from '../../lifecycle/revocation/revoke-version.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { coreReason } from './core-reason.js'

export function revocationRoutes(services: Services): Handlers<'revokeCertificate' | 'listCertificateRevocations'> {
  return {
    async revokeCertificate({ params, body, principal }) {
      const { reason = 'unspecified', version_id: versionId } = body
      const reasonText = body.reason_text ?? `Revoked by ${actorOf(principal).name}`.slice(0, 511)
      const cause = { reason: coreReason(reason), reasonText, actor: actorOf(principal) }
      const certificateId = params.id
      const revoked =
        versionId === undefined
          ? await revokeCertificate(services, { certificateId, ...cause })
          : await revokeVersion(services, { certificateId, versionId, ...cause })
      return reply(200, { status: 'revoked', version_ids: revoked.map(({ id }) => id) })
    },
    async listCertificateRevocations({ params }) {
      const data = (await listRevocations(services, params.id)).map(revocationView)
      return reply(200, { data, total: data.length })
    },
  }
}

type Row = Awaited<ReturnType<typeof listRevocations>>[number]

function revocationView(row: Row): Revocation {
  const { id, version_id, serial_number, issuer_id, reason, reason_text, state, attempts, requested_by } = row
  return {
    ...{ id, version_id, serial_number, issuer_id, reason, reason_text, state, attempts, requested_by },
    ...(row.last_error === null ? {} : { last_error: row.last_error }),
    ...(row.last_error_code === null ? {} : { error_code: row.last_error_code }),
    ...(row.next_try_at === null ? {} : { next_try_at: row.next_try_at.toISOString() }),
    created_at: row.created_at.toISOString(),
    ...(row.confirmed_at === null ? {} : { confirmed_at: row.confirmed_at.toISOString() }),
  }
}
