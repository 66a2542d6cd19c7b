import type { JobReport } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { JobKind } from '../store/jobs.js'
import { settleIssueReport } from './csr/settle-issue-report.js'
import { settleDeployment } from './placement/settle-deployment.js'
import { settleTest } from './settle-test.js'
import { settleVerification } from './verification/settle-verification.js'

export interface ReportedJob {
  jobId: string
  agentId: string
  actor: Actor
  report: JobReport
}

const settlers: Partial<Record<JobKind, (services: Services, reported: ReportedJob) => Promise<'settled' | 'lost'>>> = {
  deploy: settleDeployment,
  verify: settleVerification,
  issue: settleIssueReport,
  test: settleTest,
  scan: settleTest,
  challenge: settleTest,
}

/** Settles what an agent reports of a job of any kind. Throws `conflict` when its lease is lost; what it said is kept as an observation then. */
export async function settleReport(services: Services, reported: ReportedJob): Promise<void> {
  const { jobId, agentId } = reported
  const job = await services.store.jobs.get(jobId)
  const settle = job === undefined ? undefined : settlers[job.kind]
  if (job === undefined || settle === undefined || (job.agent_id !== agentId && job.locked_by !== agentId))
    throw new CertctlError('not_found', `There is no job ${jobId} of this agent`)
  if ((await settle(services, reported)) === 'settled') return
  throw new CertctlError('conflict', `The lease of job ${jobId} is lost; the report is kept as an observation`)
}
