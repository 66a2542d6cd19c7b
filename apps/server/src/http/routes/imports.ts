import { reply } from '@certctl/api'
import { actorOf } from '../../access/principal.js'
import { getCertificate } from '../../inventory/get-certificate.js'
import { importCertificate } from '../../lifecycle/asking/import-certificate.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'

export function importRoutes(services: Services): Handlers<'importCertificate'> {
  return {
    async importCertificate({ body, principal }) {
      const { id } = await importCertificate(services, {
        actor: actorOf(principal),
        certificatePem: body.certificate_pem,
        chainPem: body.chain_pem,
        csrPem: body.csr_pem,
        id: body.id,
        name: body.name,
        environment: body.environment,
        ownerId: body.owner_id ?? undefined,
        teamId: body.team_id ?? undefined,
        issuerId: body.issuer_id,
        renewalPolicyId: body.renewal_policy_id ?? undefined,
        certificateProfileId: body.certificate_profile_id ?? undefined,
        tags: body.tags,
      })
      return reply(201, await getCertificate(services, id))
    },
  }
}
