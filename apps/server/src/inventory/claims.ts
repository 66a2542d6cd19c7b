import { CertctlError } from '@certctl/core'
import type { Tx } from '../store/store.js'

/**
 * Takes the places (files, objects) that deployments to a target write, instead of those it had; they are claimed among the targets of
 * its agent. Throws `conflict` naming the target that has one of them.
 */
export async function claimPlaces(
  tx: Tx,
  target: { id: string; agent_id: string },
  places: readonly string[],
): Promise<void> {
  await tx.claims.release(target.id)
  // In one order, so that two targets that want the same places do not wait for each other.
  for (const place of [...new Set(places)].toSorted()) {
    const owner = await tx.claims.take({ scope: target.agent_id, place, target_id: target.id })
    if (owner === undefined) continue
    const other = await tx.targets.get(owner)
    throw new CertctlError(
      'conflict',
      `${place} is written by the target ${other?.name ?? owner} (${owner}) already; two targets cannot write one place`,
    )
  }
}
