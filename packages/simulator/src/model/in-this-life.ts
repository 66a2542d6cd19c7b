import { isOut } from '../outages.js'
import type { World } from '../world.js'
import type { AgentModel } from './agent-model.js'

/** Something an agent does a little later; one that crashed or went off meanwhile never does it. */
export function inThisLife(
  world: World,
  agent: AgentModel,
  { seconds, action }: { seconds: number; action: () => Promise<void> },
): void {
  const { incarnation } = agent
  world.agenda.after(seconds, async () => {
    if (agent.incarnation === incarnation && !isOut(agent.outages, world.agenda.now())) await action()
  })
}
