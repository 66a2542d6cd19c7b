import type { World } from '../world.js'

/**
 * What CAs signed is recorded, except where the answer was lost; and what is recorded was signed. A CA that searches signs once per
 * order, the others once more for every answer that was lost.
 */
export async function issuedIsRecorded(world: World): Promise<void> {
  const rows = await world.sql.rows<{ fingerprint: string; order_id: string }>(
    'select fingerprint, order_id from versions',
  )
  const recorded = new Set(rows.map(({ fingerprint }) => fingerprint))
  const signed = new Map([...world.cas.values()].flatMap((ca) => [...ca.signed]))
  for (const fingerprint of recorded)
    if (!signed.has(fingerprint)) world.violate('issuedIsRecorded', 'a version is recorded that no CA signed')
  const perOrder = new Map<string, number>()
  for (const [fingerprint, { answered, orderId }] of signed) {
    if (answered && !recorded.has(fingerprint))
      world.violate('issuedIsRecorded', 'a CA gave somebody a certificate that is not recorded')
    if (answered) perOrder.set(orderId, (perOrder.get(orderId) ?? 0) + 1)
  }
  const twice = [...perOrder.values()].filter((count) => count > 2)
  if (twice.length > 0) world.violate('issuedIsRecorded', `${twice.length} orders brought more than two certificates`)
}
