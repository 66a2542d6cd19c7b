import type { WorkItem } from '@certctl/api'
import type { AgentModel } from '../model/agent-model.js'
import type { World } from '../world.js'

/** A process is not given a second deployment to a target while it works on one; one that is done, and whose report may have been heard, is over. */
export function oneDeploymentPerTarget(world: World, agent: AgentModel, item: WorkItem): void {
  if (item.type !== 'Deployment') return
  const others = [...agent.holding.values()].filter(
    ({ id, type }) => type === 'Deployment' && id !== item.id && !agent.reporting.has(id),
  )
  if (others.some(({ target_id }) => target_id === item.target_id))
    world.violate(
      'oneDeploymentPerTarget',
      `${agent.id} is given a second deployment to ${item.target_id} while one is under way`,
    )
}
