import { setTimeout as pause } from 'node:timers/promises'
import { timeLimit } from '@certctl/kit'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import { createId } from '../store/create-id.js'
import type { JobRow } from '../store/jobs.js'
import { silentMs } from './agent-view.js'
import { lockTarget } from './delete-target.js'

export interface TargetTest {
  id: string
  actor: Actor
  signal: AbortSignal
  /** How long to wait for the agent. */
  waitSeconds?: number | undefined
}

const lookEveryMs = 200

/** Has the agent test a target and waits for what it saw. An agent that says nothing is a failed test, and says so. */
export async function testTarget(
  services: Services,
  { id, actor, signal, waitSeconds = 25 }: TargetTest,
): Promise<{ status: 'success' | 'failed'; message: string }> {
  const queued = await queueTest(services, { id, actor })
  if ('message' in queued) return { status: 'failed', message: queued.message }
  const job = await waitFor(services, queued.jobId, timeLimit(waitSeconds, signal))
  if (job !== undefined) return outcomeOf(job)
  return { status: 'failed', message: await giveUp(services, { jobId: queued.jobId, waitSeconds }) }
}

/** A test that nobody took is over: the next question asks anew, and no job waits for ever. One that is under way may still bring its answer. */
async function giveUp(
  services: Services,
  { jobId, waitSeconds }: { jobId: string; waitSeconds: number },
): Promise<string> {
  const reason = `The agent did not take the test within ${waitSeconds} s`
  const at = services.clock.now()
  const ended = await services.store.jobs.cancel({ column: 'id', value: jobId }, { at, reason, states: ['ready'] })
  if (ended.length > 0) return `${reason}; see whether it is online: certctl agents list`
  return `The agent did not report within ${waitSeconds} s; its answer will be in job ${jobId}`
}

async function queueTest(
  services: Services,
  { id, actor }: { id: string; actor: Actor },
): Promise<{ jobId: string } | { message: string }> {
  return await services.store.transaction(async (tx) => {
    const target = await lockTarget(tx, id)
    const agent = await tx.agents.get(target.agent_id)
    const heard = agent?.last_heartbeat_at?.getTime() ?? 0
    if (heard <= tx.now.getTime() - silentMs)
      return {
        message: `The agent ${agent?.name ?? target.agent_id} is offline: nothing was heard of it for two minutes`,
      }
    const jobId = createId('job', tx.now)
    await tx.jobs.insert({
      id: jobId,
      kind: 'test',
      state: 'ready',
      agent_id: target.agent_id,
      target_id: id,
      generation: target.generation,
      priority: 10,
      run_at: tx.now,
      requested_by: actor.id,
      created_at: tx.now,
    })
    tx.audit.append({
      actor,
      action: 'target.tested',
      resource_type: 'target',
      resource_id: id,
      details: { job_id: jobId },
    })
    tx.wake('agent', target.agent_id)
    return { jobId }
  })
}

async function waitFor(services: Services, jobId: string, signal: AbortSignal): Promise<JobRow | undefined> {
  for (;;) {
    const job = await services.store.jobs.get(jobId)
    if (job === undefined || job.state === 'done' || job.state === 'cancelled') return job
    if (signal.aborted) return undefined
    await pause(lookEveryMs, undefined, { signal }).catch(() => undefined)
  }
}

function outcomeOf(job: JobRow): { status: 'success' | 'failed'; message: string } {
  if (job.state === 'done' && job.outcome === 'done') {
    const { detail } = (job.result ?? {}) as { detail?: unknown }
    return { status: 'success', message: typeof detail === 'string' && detail !== '' ? detail : 'The target answers' }
  }
  return { status: 'failed', message: job.last_error ?? 'The test did not come to an end' }
}
