import type { CaModel } from '../model/ca-model.js'
import type { World } from '../world.js'

/**
 * What CAs signed is recorded, except where the answer was lost; what is recorded was signed; and nothing was issued twice beyond what
 * an unheard answer forces: a CA that searches signs once per order, the others once more for every time that whoever asked was cut off.
 */
export async function issuedIsRecorded(world: World): Promise<void> {
  const rows = await world.sql.rows<{ fingerprint: string }>('select fingerprint from versions')
  const recorded = new Set(rows.map(({ fingerprint }) => fingerprint))
  for (const ca of world.cas.values()) {
    for (const [fingerprint, { answered }] of ca.signed)
      if (answered && !recorded.delete(fingerprint))
        world.violate('issuedIsRecorded', `${ca.id} gave somebody a certificate that is not recorded`)
    for (const [order, count] of perOrder(ca))
      if (count > 1 + (ca.searches ? 0 : (ca.unheard.get(order) ?? 0)))
        world.violate('issuedIsRecorded', `${ca.id} signed ${count} times for one order, which nothing forced`)
  }
  if (recorded.size > 0)
    world.violate('issuedIsRecorded', `${recorded.size} versions are recorded that no CA gave to anybody`)
}

function perOrder({ signed }: CaModel): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { orderId } of signed.values()) counts.set(orderId, (counts.get(orderId) ?? 0) + 1)
  return counts
}
