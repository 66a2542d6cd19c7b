import { isCertctlError } from '@certctl/core'
import type { Agent } from './agent.js'
import type { AgentEnd } from './agent-end.js'
import { reasonOf } from './journal.js'
import { jittered, pause } from './pauses.js'

interface Beating {
  boot: string
  /** Jobs under way, whose leases the server then prolongs. */
  holding(): readonly string[]
  end: AgentEnd
}

/** Signs of life, on their own clock: a poll that fails and backs off must not make a living agent look dead. */
export async function beat(agent: Agent, { boot, holding, end }: Beating): Promise<void> {
  while (!end.signal.aborted) {
    await sendHeartbeat(agent, { boot, holding, end })
    await pause(agent, jittered(agent.config.heartbeatSeconds, agent.random), end)
  }
}

async function sendHeartbeat(agent: Agent, { boot, holding, end }: Beating): Promise<void> {
  try {
    const body = { ...agent.about, version: agent.version, holding: [...holding()], boot }
    const answer = await agent.controlPlane.agentHeartbeat({ params: { id: agent.id }, body, signal: end.signal })
    if (answer.body.server_time !== undefined) agent.clock.heard(new Date(answer.body.server_time))
    agent.contact.heard()
  } catch (error) {
    if (isCertctlError(error) && error.code === 'aborted') return
    if (isCertctlError(error) && error.code === 'gone') return end.retire()
    if (isCertctlError(error) && error.code === 'upstream_unavailable') agent.contact.lost()
    agent.log.warn('heartbeat not answered', reasonOf(error))
  }
}
