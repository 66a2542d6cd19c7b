import type { WorkAnswer } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { AgentRow } from '../store/agents.js'
import { checkBoot } from './check-boot.js'
import { claimDeployments } from './claim-deployments.js'
import { claimIssuance } from './claim-issuance.js'
import { claimOther } from './claim-other.js'
import { liveKeysOf } from './live-keys-of.js'
import { waitForWake } from './wait-for-wake.js'

export interface WorkQuestion {
  agentId: string
  /** Jobs under way. `undefined`: an agent of the first protocol, which says nothing of them. */
  holding: readonly string[] | undefined
  waitSeconds: number
  /** `undefined`: an agent of the first protocol, which knows no leases. */
  leaseSeconds: number | undefined
  boot: string | undefined
  signal: AbortSignal
}

/** What one round of claiming needs to know. */
export interface Claiming {
  agentId: string
  /** Leases of this agent for anything else are offered again. Said at the beginning of a poll and true only then: what a later poll was given is not in it. */
  holding: readonly string[] | undefined
  leaseSeconds: number | undefined
}

// A wake-up may be lost: who waits also looks by itself.
const lookAgainSeconds = 15

/**
 * Jobs for an agent, each under a fresh lease; where there are none, waits for some as long as asked to. Leases of what it holds are
 * prolonged, and what it does not hold any more is offered again. Counts as a sign of life. Throws `gone` as soon as the agent is
 * retired, also while it waits.
 */
export async function claimAgentWork(services: Services, question: WorkQuestion): Promise<WorkAnswer> {
  const { agentId, boot, signal } = question
  const deadline = performance.now() + Math.min(question.waitSeconds, 55) * 1000
  const agent = await requireAlive(services, agentId)
  if (boot !== undefined) await checkBoot(services, agent, boot)
  await services.store.agents.recordBeats([{ id: agentId, at: services.clock.now() }])
  for (let claiming: Claiming = question; ; claiming = { ...question, holding: undefined }) {
    const wake = waitForWake(services, { channel: 'agent', subject: agentId, signal })
    try {
      await prolong(services, question)
      const jobs = await claimOnce(services, claiming)
      const left = (deadline - performance.now()) / 1000
      if (jobs.length > 0 || left <= 0 || signal.aborted || services.stopping.aborted)
        return await answerOf(services, agentId, jobs)
      await wake.wait(Math.min(left, await secondsToNextRun(services, agentId)))
    } finally {
      wake.close()
    }
    await requireAlive(services, agentId)
    // Nobody would hear the answer: what was claimed now would wait for its lease to end.
    if (signal.aborted) return await answerOf(services, agentId, [])
  }
}

async function requireAlive(services: Services, agentId: string): Promise<AgentRow> {
  const agent = await services.store.agents.get(agentId)
  if (agent === undefined) throw new CertctlError('not_found', `There is no agent ${agentId}`)
  if (agent.retired_at !== null)
    throw new CertctlError('gone', `Agent ${agent.name} was retired at ${agent.retired_at.toISOString()}`)
  return agent
}

async function claimOnce(services: Services, claiming: Claiming): Promise<WorkAnswer['jobs']> {
  const { agentId, holding, leaseSeconds } = claiming
  const offered = await services.store.jobs.listOffered(agentId, { now: services.clock.now(), holding })
  const issuance = offered.filter(({ kind }) => kind === 'issue')
  const deployments = offered.filter(({ kind }) => kind === 'deploy')
  const other = offered.filter(({ kind }) => kind !== 'issue' && kind !== 'deploy')
  return [
    ...(await claimIssuance(services, issuance, claiming)),
    ...(await claimDeployments(services, deployments, claiming)),
    ...(leaseSeconds === undefined ? [] : await claimOther(services, other, claiming)),
  ]
}

async function prolong(services: Services, { agentId, holding = [], leaseSeconds }: Claiming): Promise<void> {
  if (leaseSeconds === undefined) return
  const now = services.clock.now()
  const until = new Date(now.getTime() + leaseSeconds * 1000)
  await services.store.jobs.prolongForAgent(agentId, { ids: holding, now, until })
}

async function secondsToNextRun(services: Services, agentId: string): Promise<number> {
  const now = services.clock.now()
  const next = await services.store.jobs.nextRunOfAgent(agentId, now)
  const seconds = next === undefined ? lookAgainSeconds : (next.getTime() - now.getTime()) / 1000
  return Math.max(0.05, Math.min(seconds, lookAgainSeconds))
}

async function answerOf(services: Services, agentId: string, jobs: WorkAnswer['jobs']): Promise<WorkAnswer> {
  const keys = await liveKeysOf(services, agentId)
  return { jobs, count: jobs.length, server_time: services.clock.now().toISOString(), keys }
}
