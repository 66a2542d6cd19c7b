import type { JobReport } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'

/** Settles a test of a target or a scan: what it saw is kept with the job, and a test's verdict with its target. The same report twice settles once. */
export async function settleTest(
  services: Services,
  { jobId, agentId, report }: { jobId: string; agentId: string; report: JobReport },
): Promise<'settled' | 'lost'> {
  return await services.store.transaction(async (tx) => {
    const job = await tx.jobs.lock(jobId)
    if (job?.agent_id !== agentId) throw new CertctlError('not_found', `There is no job ${jobId} of this agent`)
    if (job.lease !== report.lease) return 'lost'
    if (job.state !== 'active') return job.state === 'done' ? 'settled' : 'lost'
    const isDone = report.outcome === 'done'
    const message = (isDone ? report.detail : report.message) ?? ''
    await tx.jobs.update(jobId, {
      state: 'done',
      outcome: isDone ? 'done' : 'failed',
      completed_at: tx.now,
      locked_until: null,
      last_error_code: isDone ? null : (report.code ?? 'internal'),
      last_error: isDone ? null : message,
      result: JSON.stringify({ detail: message }),
    })
    if (job.kind === 'test' && job.target_id !== null)
      await tx.targets.update(job.target_id, {
        last_tested_at: tx.now,
        test_status: isDone ? 'success' : 'failed',
        test_message: message,
      })
    services.metrics.jobEnded({ kind: job.kind, outcome: report.outcome })
    return 'settled'
  })
}
