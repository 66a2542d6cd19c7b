import type { AgentModel, TargetModel } from '../model/agent-model.js'
import type { World } from '../world.js'

/** Whatever restarts or is put back finds the key of the certificate that it has. */
export function keepsItsKey(world: World, agent: AgentModel, target: TargetModel): void {
  const { held } = target
  if (held === undefined || agent.keys.has(held.spki)) return
  target.served = undefined
  world.violate(
    'keepsItsKey',
    `${target.id} has a certificate of ${target.certificateId} of which ${agent.id} has no key any more`,
  )
}
