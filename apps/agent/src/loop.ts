import type { WorkItem } from '@certctl/api'
import { isCertctlError } from '@certctl/core'
import type { Agent } from './agent.js'
import type { AgentEnd } from './agent-end.js'
import { careForKeys } from './care-for-keys.js'
import { describeConnectors } from './describe-connectors.js'
import { reasonOf } from './journal.js'
import { backoffSeconds, jittered, pause } from './pauses.js'
import type { Reporter } from './report.js'
import { type HeldJob, runJob } from './run-job.js'

const waitSeconds = 55
const leaseSeconds = 60

interface Work {
  boot: string
  reporter: Reporter
  end: AgentEnd
}

/** Jobs under way, and the end of all of them. */
export interface WorkLoop {
  /** Ids of jobs whose leases are ours. */
  holding(): readonly string[]
  /** Asks for work until the end; resolves when no job runs any more. */
  run(): Promise<void>
}

export function createWorkLoop(agent: Agent, { boot, reporter, end }: Work): WorkLoop {
  const running = new Map<string, { held: HeldJob; done: Promise<void> }>()
  const jobs = new AbortController()
  const holding = () => [...new Set([...running.keys(), ...reporter.waiting()])]

  const take = (item: WorkItem): void => {
    const known = running.get(item.id)
    if (item.lease === undefined) agent.log.warn('a job without a lease is not taken', { job_id: item.id })
    // Offered again while it runs: our lease had lapsed, and this is the one that counts now.
    else if (known !== undefined) known.held.lease = item.lease
    else start({ item, lease: item.lease })
  }
  const start = (held: HeldJob): void => {
    const { id } = held.item
    const done = runJob(agent, held, { reporter, signal: jobs.signal }).finally(() => running.delete(id))
    running.set(id, { held, done })
  }

  return {
    holding,
    async run() {
      await pollUntilTheEnd(agent, { boot, end, holding, take, reporter })
      // A retired agent deploys nothing more.
      const seconds = end.reason === 'retired' ? 0 : agent.config.stopSeconds
      await finish(
        [...running.values()].map(({ done }) => done),
        { jobs, seconds },
      )
    },
  }
}

interface Polling {
  boot: string
  end: AgentEnd
  reporter: Reporter
  holding(): readonly string[]
  take(item: WorkItem): void
}

async function pollUntilTheEnd(agent: Agent, polling: Polling): Promise<void> {
  const { end } = polling
  let failures = 0
  let described = false
  while (!end.signal.aborted) {
    try {
      if (!described) await describe(agent, end)
      described = true
      await polling.reporter.flush(end.signal)
      await poll(agent, polling)
      failures = 0
    } catch (error) {
      failures += 1
      await comeToTerms(agent, error, { end, failures })
    }
  }
}

/** A server that does not understand the description still has work for the types it knows. */
async function describe(agent: Agent, end: AgentEnd): Promise<void> {
  try {
    await describeConnectors(agent, end.signal)
  } catch (error) {
    if (!isCertctlError(error) || !['request_malformed', 'too_large', 'not_found'].includes(error.code)) throw error
    agent.log.error('the server did not take the description of the connectors', reasonOf(error))
  }
}

async function poll(agent: Agent, { boot, holding, end, take }: Polling): Promise<void> {
  const held = holding()
  const query = {
    wait: waitSeconds,
    lease: leaseSeconds,
    boot,
    ...(held.length === 0 ? {} : { holding: held.join(',') }),
  }
  const asked = performance.now()
  const { body } = await agent.longPoll.getAgentWork({ params: { id: agent.id }, query, signal: end.signal })
  agent.clock.heard(new Date(body.server_time))
  agent.contact.heard()
  for (const item of body.jobs) take(item)
  if (body.keys !== undefined) await careForKeys(agent, body.keys)
  // A server that does not park polls must not be asked without a pause.
  if (body.jobs.length === 0 && performance.now() - asked < 1000) await pause(agent, jittered(1, agent.random), end)
}

async function comeToTerms(
  agent: Agent,
  error: unknown,
  { end, failures }: { end: AgentEnd; failures: number },
): Promise<void> {
  if (end.signal.aborted) return
  if (isCertctlError(error) && error.code === 'gone') return end.retire()
  if (isCertctlError(error) && error.code === 'upstream_unavailable') agent.contact.lost()
  const seconds = backoffSeconds(failures, agent.random, isCertctlError(error) ? error.retryAfterSeconds : undefined)
  const level =
    isCertctlError(error) && ['unauthenticated', 'forbidden', 'conflict'].includes(error.code) ? 'error' : 'warn'
  agent.log[level]('the server gave no work', { failures, next_in_seconds: Math.round(seconds), ...reasonOf(error) })
  await pause(agent, seconds, end)
}

interface Finishing {
  jobs: AbortController
  seconds: number
}

/** Jobs may finish; those that take longer are interrupted, undo what they began, and are left to their leases. */
async function finish(running: readonly Promise<void>[], { jobs, seconds }: Finishing): Promise<void> {
  const timer = setTimeout(() => jobs.abort(new Error('the agent stops')), seconds * 1000)
  await Promise.all(running)
  clearTimeout(timer)
}
