import { silentSince } from '../inventory/silence.js'
import { raiseAlert } from '../lifecycle/raise-alert.js'
import { resolveAlert } from '../lifecycle/resolve-alert.js'
import type { Services } from '../services.js'
import type { AgentRow } from '../store/agents.js'
import { forEachDue } from './for-each-due.js'
import type { Loop } from './loop.js'

const type = 'agent.silent'

/** Agents that were heard of and are not any more: what they serve is not renewed meanwhile. Told once, and again when they are back. */
export const silentAgents: Loop = {
  name: 'silent-agents',
  everySeconds: ({ config }) => config.scheduler_agent_health_check_interval,
  async run(services, signal) {
    const since = silentSince(services.clock.now())
    await forEachDue(services, {
      what: 'telling of a silent agent',
      list: async (page) => await services.store.agents.listSilent(since, page),
      idOf: ({ id }) => id,
      signal,
      work: async (agent) => await tell(services, agent),
    })
    for (const { agent_id: id } of await services.store.events.listOpenOfType(type))
      if (id !== null) await tellIfBack(services, id, since)
  },
}

async function tell(services: Services, agent: AgentRow): Promise<void> {
  await services.store.transaction(async (tx) => {
    const { all, waiting, target_id: targetId } = await tx.placements.countOfAgent(agent.id)
    const heard = `Agent ${agent.name} was last heard of at ${agent.last_heartbeat_at?.toISOString()}`
    await raiseAlert(tx, {
      subject: `agent-silent:${agent.id}`,
      type,
      severity: 'warning',
      title: targetId === null ? heard : `${heard}; ${lossOf(all, waiting)}. Start it, or give its targets to another`,
      command:
        targetId === null ? `certctl agents show ${agent.id}` : `certctl targets update ${targetId} --agent AGENT`,
      data: { placements: all, waiting },
      agentId: agent.id,
    })
  })
}

function lossOf(all: number, waiting: number): string {
  const stays = `nothing of the ${all} that go there is renewed meanwhile`
  return waiting === 0 ? stays : `${waiting} deployments wait for it, and ${stays}`
}

async function tellIfBack(services: Services, id: string, since: Date): Promise<void> {
  await services.store.transaction(async (tx) => {
    const agent = await tx.agents.get(id)
    const isBack = agent !== undefined && (agent.last_heartbeat_at?.getTime() ?? 0) > since.getTime()
    const isGone = agent === undefined || agent.retired_at !== null
    if (!isBack && !isGone) return
    const title = isBack ? `Agent ${agent.name} is heard of again` : 'A silent agent was retired'
    await resolveAlert(tx, { subject: `agent-silent:${id}`, type: 'agent.heard', title, agentId: id })
  })
}
