import { CertctlError } from '@certctl/core'
import { raiseAlert } from '../lifecycle/raise-alert.js'
import { resolveAlert } from '../lifecycle/resolve-alert.js'
import type { Services } from '../services.js'
import type { AgentRow } from '../store/agents.js'
import type { Tx } from '../store/store.js'

const quietMs = 600_000
// One return may be a request that was under way when its process ended.
const returnsOfAClone = 2

/**
 * Each start of an agent has an id of its own. One that comes back after another was heard is a second process with the same key: a
 * cloned machine. Both are refused (`conflict`), with an alert, until only one of them was heard for ten minutes.
 */
export async function checkBoot(services: Services, known: AgentRow, boot: string): Promise<void> {
  const { id: agentId } = known
  if (known.boot_id === boot && known.cloned_at === null) return
  const isCloned = await services.store.transaction(async (tx) => {
    const agent = await tx.agents.lock(agentId)
    if (agent === undefined) return false
    if (agent.boot_id === boot) return await sameAgain(tx, agent)
    const isReturn = agent.previous_boot_id === boot
    const returns = isReturn ? agent.boot_returns + 1 : 0
    const isClone = isReturn && returns >= returnsOfAClone
    await tx.agents.update(agentId, {
      boot_id: boot,
      previous_boot_id: agent.boot_id,
      boot_changed_at: tx.now,
      boot_returns: returns,
      cloned_at: isClone ? tx.now : agent.cloned_at,
    })
    if (isClone) await tell(tx, agent)
    return isClone || isRecent(agent.cloned_at, tx.now)
  })
  if (isCloned)
    throw new CertctlError(
      'conflict',
      `Two processes speak as agent ${known.name}: its machine was cloned. Stop one of them, or let it join as an agent of its own; ten minutes later this one is heard again`,
    )
}

async function sameAgain(tx: Tx, agent: AgentRow): Promise<boolean> {
  if (isRecent(agent.cloned_at, tx.now)) return true
  await tx.agents.update(agent.id, { cloned_at: null, boot_returns: 0 })
  await resolveAlert(tx, {
    subject: `agent-cloned:${agent.id}`,
    type: 'agent.clone_gone',
    title: `Only one process speaks as agent ${agent.name} again`,
    agentId: agent.id,
  })
  return false
}

function isRecent(clonedAt: Date | null, now: Date): boolean {
  return clonedAt !== null && now.getTime() - clonedAt.getTime() < quietMs
}

async function tell(tx: Tx, agent: AgentRow): Promise<void> {
  await raiseAlert(tx, {
    subject: `agent-cloned:${agent.id}`,
    type: 'agent.cloned',
    severity: 'critical',
    title: `Two processes speak as agent ${agent.name}; both are refused until one of them stops`,
    command: `certctl agents show ${agent.id}`,
    agentId: agent.id,
  })
}
