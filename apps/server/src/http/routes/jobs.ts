import { reply } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { actorOf } from '../../access/principal.js'
import { approvalOfJob } from '../../inventory/approvals.js'
import { jobView } from '../../inventory/job-view.js'
import { getBulkProgress, getJob, listJobs } from '../../inventory/jobs.js'
import { readStatus } from '../../inventory/status.js'
import { decideApproval } from '../../lifecycle/approval/decide-approval.js'
import { cancelJob } from '../../lifecycle/cancel-job.js'
import { recordHandshake } from '../../lifecycle/verification/record-handshake.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'

type Ids =
  | 'listJobs'
  | 'getJob'
  | 'cancelJob'
  | 'approveJob'
  | 'rejectJob'
  | 'verifyJob'
  | 'getJobVerification'
  | 'getStatus'

export function jobRoutes(services: Services): Handlers<Ids> {
  return {
    getStatus: async () => reply(200, await readStatus(services)),
    async listJobs({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listJobs', query)
      return reply(
        200,
        envelope(await listJobs(services, query, request), (row) => jobView(row)),
      )
    },
    async getJob({ params }) {
      const job = await getJob(services, params.id)
      return reply(200, jobView(job, await getBulkProgress(services, job)))
    },
    async cancelJob({ params, body, principal }) {
      await cancelJob(services, { jobId: params.id, actor: actorOf(principal), reason: body.reason })
      return reply(200, { status: 'job_cancelled' })
    },
    async approveJob({ params, body, principal }) {
      const approvalId = await approvalOfJob(services, params.id)
      await decideApproval(services, { approvalId, decision: 'approve', note: body.note, actor: actorOf(principal) })
      return reply(200, { status: 'job_approved' as const })
    },
    async rejectJob({ params, body, principal }) {
      const approvalId = await approvalOfJob(services, params.id)
      await decideApproval(services, { approvalId, decision: 'reject', note: body.reason, actor: actorOf(principal) })
      return reply(200, { status: 'job_rejected' as const })
    },
    async verifyJob({ params, body, principal }) {
      const { verified, verifiedAt } = await recordHandshake(services, {
        jobId: params.id,
        agentId: principal.kind === 'agent' ? principal.id : undefined,
        targetId: body.target_id,
        expectedFingerprint: body.expected_fingerprint,
        actualFingerprint: body.actual_fingerprint,
        verified: body.verified,
        error: body.error,
        actor: actorOf(principal),
      })
      return reply(200, { job_id: params.id, verified, verified_at: verifiedAt.toISOString() })
    },
    async getJobVerification({ params }) {
      const { id, target_id, result } = await getJob(services, params.id)
      if (result?.verification === undefined || target_id === null)
        throw new CertctlError('not_found', `No handshake was reported for job "${id}"`)
      return reply(200, { job_id: id, target_id, ...result.verification })
    },
  }
}
