import { verifyRecord } from '../../../../apps/server/src/audit/verify.js'
import type { World } from '../world.js'

/** The record of all that was done verifies. */
export async function recordIsWhole(world: World): Promise<void> {
  const verdict = await verifyRecord(world.services)
  if (!verdict.ok) world.violate('recordIsWhole', verdict.fault?.message ?? 'the record does not verify')
}
