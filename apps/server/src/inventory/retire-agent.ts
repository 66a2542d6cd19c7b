import { CertctlError } from '@certctl/core'
import { closeAgentWork } from '../lifecycle/close-agent.js'
import { emitEvent } from '../notify/emit-event.js'
import type { Services } from '../services.js'
import type { AgentDependencies, AgentRow } from '../store/agents.js'
import type { Actor } from '../store/audit-entry.js'
import type { Tx } from '../store/store.js'
import { reservedAgents } from './create-agent.js'
import { endTarget } from './end-target.js'

export interface Retirement {
  id: string
  /** Also what depends on it: targets are retired, holders closed, jobs cancelled. */
  force: boolean
  reason?: string | undefined
  actor: Actor
}

export type RetirementOutcome =
  | { state: 'retired'; retiredAt: Date; counts: AgentDependencies; cascade: boolean }
  | { state: 'already' }
  | { state: 'blocked'; counts: AgentDependencies }

/** Retires an agent for good and wakes its parked poll, which is answered `gone`. */
export async function retireAgent(services: Services, retirement: Retirement): Promise<RetirementOutcome> {
  const { id, force } = retirement
  if (reservedAgents.includes(id))
    throw new CertctlError('forbidden', `"${id}" is part of the server and cannot be retired`)
  return await services.store.transaction(async (tx) => {
    const agent = await tx.agents.lock(id)
    if (agent === undefined) throw unknownAgent(id)
    if (agent.retired_at !== null) return { state: 'already' }
    const counts = await tx.agents.countDependencies(id)
    const cascade = Object.values(counts).some((count: number) => count > 0)
    if (cascade && !force) return { state: 'blocked', counts }
    await endTargets(tx, retirement)
    await closeAgentWork(tx, id)
    await finish(tx, agent, { retirement, counts })
    return { state: 'retired', retiredAt: tx.now, counts, cascade }
  })
}

async function endTargets(tx: Tx, { id, reason, actor }: Retirement): Promise<void> {
  for (const { id: targetId } of await tx.targets.listOfAgent(id)) {
    const target = await tx.targets.lock(targetId)
    if (target?.retired_at === null) await endTarget(tx, { target, reason: reason ?? 'the agent was retired', actor })
  }
}

async function finish(
  tx: Tx,
  agent: AgentRow,
  { retirement, counts }: { retirement: Retirement; counts: AgentDependencies },
): Promise<void> {
  const { id, name } = agent
  const { reason, actor } = retirement
  await tx.agents.update(id, { retired_at: tx.now, retired_reason: reason ?? null })
  tx.audit.append({
    actor,
    action: 'agent.retired',
    resource_type: 'agent',
    resource_id: id,
    details: { name, reason, ...counts },
  })
  const leaves = counts.active_certificates > 0
  await emitEvent(tx, {
    type: 'agent.retired',
    severity: leaves ? 'warning' : 'info',
    title: leaves
      ? `The agent ${name} was retired; ${counts.active_certificates} certificates it held are no longer renewed there`
      : `The agent ${name} was retired`,
    agentId: id,
    data: { name, reason: reason ?? '', ...counts },
  })
  tx.wake('agent', id)
}

export function unknownAgent(id: string): CertctlError {
  return new CertctlError('not_found', `No agent "${id}"; list them with: certctl agents list`)
}
