import { reply } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { actorOf } from '../../access/principal.js'
import { agentCertificate } from '../../inventory/agent-certificate.js'
import { submitAgentCsr } from '../../lifecycle/csr/submit-agent-csr.js'
import { settleLegacyStatus } from '../../lifecycle/settle-legacy-status.js'
import { settleReport } from '../../lifecycle/settle-report.js'
import { recordObservations } from '../../lifecycle/verification/record-observations.js'
import type { Services } from '../../services.js'
import { claimAgentWork } from '../../work/claim-work.js'
import type { Handlers } from '../handlers.js'

type Ids =
  | 'getAgentWork'
  | 'submitAgentCsr'
  | 'submitJobCsr'
  | 'getAgentCertificate'
  | 'setAgentJobStatus'
  | 'reportJob'
  | 'reportObservations'

/** What agents of both protocols say and hear of their jobs. */
export function agentJobRoutes(services: Services): Handlers<Ids> {
  return {
    async getAgentWork({ params, query, signal }) {
      const { wait = 0, lease, holding, boot } = query
      const answer = await claimAgentWork(services, {
        agentId: params.id,
        // An agent that knows leases says what it holds; one that says nothing holds nothing.
        holding: holding ?? (lease === undefined ? undefined : []),
        waitSeconds: wait,
        leaseSeconds: lease,
        boot,
        signal: AbortSignal.any([signal, services.stopping]),
      })
      return reply(200, answer)
    },
    async submitAgentCsr({ params, body, principal, signal }) {
      const certificateId = body.certificate_id ?? ''
      const csr = { agentId: params.id, certificateId, csrPem: body.csr_pem, actor: actorOf(principal), signal }
      return reply(202, { status: await submitAgentCsr(services, csr) })
    },
    async submitJobCsr({ params, body, principal, signal }) {
      const job = { id: params.job_id, lease: body.lease }
      const csr = { agentId: params.id, job, csrPem: body.csr_pem, actor: actorOf(principal), signal }
      const status = await submitAgentCsr(services, csr)
      if (status === 'csr_accepted') throw new CertctlError('internal', 'A CSR for a job was taken for none')
      return reply(202, { status })
    },
    async getAgentCertificate({ params, query }) {
      const wanted = { agentId: params.id, certificateId: params.cert_id, fingerprint: query.fingerprint }
      return reply(200, await agentCertificate(services, wanted))
    },
    async setAgentJobStatus({ params, body, principal }) {
      const { status, error } = body
      const said = { agentId: params.id, jobId: params.job_id, status, error, actor: actorOf(principal) }
      await settleLegacyStatus(services, said)
      return reply(200, { status: 'updated' })
    },
    async reportJob({ params, body, principal }) {
      const reported = { agentId: params.id, jobId: params.job_id, report: body, actor: actorOf(principal) }
      await settleReport(services, reported)
      return reply(200, { status: 'recorded' })
    },
    async reportObservations({ params, body, principal }) {
      await recordObservations(services, { agentId: params.id, observations: body, actor: actorOf(principal) })
      return reply(204, undefined)
    },
  }
}
