import type { WorkItem } from '@certctl/api'
import { CertctlError, isCertctlError } from '@certctl/core'
import type { Agent } from './agent.js'
import { failureOf, type JobResult } from './job-result.js'
import { reasonOf } from './journal.js'
import type { Reporter } from './report.js'
import { runChallenge } from './run-challenge.js'
import { runDeployment } from './run-deployment.js'
import { runIssue } from './run-issue.js'
import { runTest } from './run-test.js'
import { runVerification } from './run-verification.js'
import { scanOnce } from './scan.js'

/** A job this agent holds. The lease may be renewed by a later offer while the job runs. */
export interface HeldJob {
  item: WorkItem
  lease: string
}

/** Does one job and reports how it ended. Never rejects; a job that the agent's own end interrupted is left to its lease. */
export async function runJob(
  agent: Agent,
  held: HeldJob,
  { reporter, signal }: { reporter: Reporter; signal: AbortSignal },
): Promise<void> {
  const { item } = held
  const began = performance.now()
  try {
    const result = await resultOf(agent, held, signal)
    if (result === undefined) return
    await reporter.report(item.id, { ...result, lease: held.lease, duration_ms: Math.round(performance.now() - began) })
  } catch (error) {
    agent.log.error('a job ended without a report; the server will offer it again', {
      job_id: item.id,
      ...reasonOf(error),
    })
  }
}

/** `undefined`: there is nothing to report. */
async function resultOf(agent: Agent, held: HeldJob, signal: AbortSignal): Promise<JobResult | undefined> {
  const { id: job_id, type, certificate_id, target_id } = held.item
  try {
    const result = await doJob(agent, held, signal)
    return result === undefined ? undefined : { ...ordered(held.item), ...result }
  } catch (error) {
    if (signal.aborted && isCertctlError(error) && error.code === 'aborted') return undefined
    agent.log.warn('a job failed', {
      job_id,
      type,
      certificate_id,
      target_id,
      code: isCertctlError(error) ? error.code : 'internal',
      ...reasonOf(error),
    })
    return { ...ordered(held.item), ...failureOf(error) }
  }
}

/** Which version was to be deployed: another one may be desired by the time the server hears how it ended. */
function ordered({ type, deployment }: WorkItem): Partial<JobResult> {
  if (type !== 'Deployment' || deployment === undefined) return {}
  const { fingerprint, certificate_generation, target_generation } = deployment
  return { fingerprint, certificate_generation, target_generation }
}

async function doJob(agent: Agent, held: HeldJob, signal: AbortSignal): Promise<JobResult | undefined> {
  const { item } = held
  if (item.status === 'AwaitingCSR') {
    await runIssue(agent, item, { lease: held.lease, signal })
    return undefined
  }
  if (item.type === 'Deployment') return await runDeployment(agent, item, signal)
  if (item.type === 'Verification') return await runVerification(agent, item, signal)
  if (item.type === 'Test') return await runTest(agent, item, signal)
  if (item.type === 'Challenge') return await runChallenge(agent, item)
  if (item.type === 'Scan') return { outcome: 'done', detail: await scanOnce(agent, signal) }
  throw new CertctlError('unsupported', `This agent (${agent.version}) does no ${item.type} jobs; update it`)
}
