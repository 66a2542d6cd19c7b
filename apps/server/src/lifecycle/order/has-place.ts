import type { HolderRow } from '../../store/holders.js'
import type { PlacementView } from '../../store/placements.js'

/** An agent without a place to put it is not asked for a key. */
export function hasPlace(
  { kind, agent_id }: Pick<HolderRow, 'kind' | 'agent_id'>,
  placements: readonly PlacementView[],
): boolean {
  return kind === 'outside' || placements.some((placement) => placement.agent_id === agent_id)
}
