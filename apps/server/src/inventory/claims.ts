import { CertctlError } from '@certctl/core'
import type { Tx } from '../store/store.js'
import type { TargetRow } from '../store/targets.js'

/** A place that deployments to a target write, and in whose realm it is one: an agent's host, or the appliance. */
export interface Place {
  scope: string
  place: string
}

/** Takes these places for a target, instead of those it had. Throws `conflict` naming the target that has one of them. */
export async function claimPlaces(
  tx: Tx,
  target: Pick<TargetRow, 'id' | 'name'>,
  places: readonly Place[],
): Promise<void> {
  await tx.claims.release(target.id)
  // In one order, so that two targets that want the same places do not wait for each other.
  const sorted = places.toSorted((a, b) => (a.scope + a.place < b.scope + b.place ? -1 : 1))
  for (const { scope, place } of sorted) {
    const owner = await tx.claims.take({ scope, place, target_id: target.id })
    if (owner === undefined) continue
    const other = await tx.targets.get(owner)
    throw new CertctlError(
      'conflict',
      `${place} is written by the target ${other?.name ?? owner} (${owner}) already; two targets cannot write one place`,
    )
  }
}
