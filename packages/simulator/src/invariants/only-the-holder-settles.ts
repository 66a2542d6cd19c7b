import type { WorkItem } from '@certctl/api'
import type { AgentModel } from '../model/agent-model.js'
import type { World } from '../world.js'

/** Whose lease was given to somebody else is not believed any more, whatever he reports. */
export function onlyTheHolderSettles(
  world: World,
  said: { agent: AgentModel; item: WorkItem; lease: string | undefined; isBelieved: boolean },
): void {
  const { agent, item, lease, isBelieved } = said
  if (isBelieved && lease !== item.lease)
    world.violate(
      'onlyTheHolderSettles',
      `${agent.id} is believed about job ${item.id}, whose lease it held before and does not hold`,
    )
}
