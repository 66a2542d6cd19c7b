import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { JobRow } from '../store/jobs.js'
import { settleIssueReport } from './csr/settle-issue-report.js'
import { boundSeconds } from './placement/deployment-bound.js'
import { type DeploymentReport, settleDeployment } from './placement/settle-deployment.js'

export interface LegacyStatus {
  agentId: string
  jobId: string
  status: 'Running' | 'Completed' | 'Failed'
  error?: string | undefined
  actor: Actor
}

/**
 * What an agent of the first protocol says of a job. It names no lease and no fingerprint: what counts is what it was handed last.
 * `Completed` is deployed, and served only where its own handshake showed so before; a handshake that showed something else is a failure.
 */
export async function settleLegacyStatus(services: Services, said: LegacyStatus): Promise<void> {
  const { agentId, jobId, status, error, actor } = said
  const job = await services.store.jobs.get(jobId)
  if (job === undefined || job.agent_id !== agentId)
    throw new CertctlError('not_found', `There is no job ${jobId} of this agent`)
  if (status === 'Running') {
    const now = services.clock.now()
    const until = new Date(now.getTime() + boundSeconds * 1000)
    return await services.store.jobs.prolongForAgent(agentId, { ids: [jobId], now, until })
  }
  const failure = { outcome: 'failed' as const, code: 'deploy_failed', message: error ?? 'The agent gave no reason' }
  if (job.kind === 'issue') {
    if (status === 'Failed') await settleIssueReport(services, { jobId, agentId, actor, report: failure })
  } else if (job.kind === 'deploy') {
    const report = status === 'Failed' ? failure : completed(job)
    await settleDeployment(services, { jobId, agentId, actor, report })
  }
}

function completed({ result }: JobRow): DeploymentReport {
  const { offered, verification } = result ?? {}
  if (offered === undefined)
    return {
      outcome: 'failed',
      code: 'deploy_failed',
      message: 'The agent says it is done, but it never fetched the certificate',
    }
  if (verification?.verified === false) {
    const shown = verification.actual_fingerprint
    const why = verification.error === undefined ? '' : ` (${verification.error})`
    return {
      outcome: 'failed',
      code: 'deploy_failed',
      message: `After the deployment a handshake showed ${shown} instead of ${verification.expected_fingerprint}${why}`,
      fingerprint: offered,
    }
  }
  const isShown = verification?.verified === true && verification.actual_fingerprint === offered
  const served = isShown ? ('served' as const) : ('later' as const)
  return { outcome: 'done', fingerprint: offered, receipt: { changed: true, served, location: '', effective: 'now' } }
}
