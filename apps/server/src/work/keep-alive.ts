import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import { checkBoot } from './check-boot.js'

const leaseSeconds = 60

/** A heartbeat that says more than that: which start of the agent it is, and which jobs it holds, whose leases are prolonged. Throws `gone` for a retired agent. */
export async function keepAlive(
  services: Services,
  { agentId, holding, boot }: { agentId: string; holding: readonly string[]; boot?: string | undefined },
): Promise<void> {
  const agent = await services.store.agents.get(agentId)
  if (agent === undefined) throw new CertctlError('not_found', `There is no agent ${agentId}`)
  if (agent.retired_at !== null) throw new CertctlError('gone', `Agent ${agent.name} was retired`)
  if (boot !== undefined) await checkBoot(services, agent, boot)
  const now = services.clock.now()
  const until = new Date(now.getTime() + leaseSeconds * 1000)
  await services.store.jobs.prolongForAgent(agentId, { ids: holding, now, until })
}
