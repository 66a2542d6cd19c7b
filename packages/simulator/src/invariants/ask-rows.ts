import type { World } from '../world.js'

/** A question to the rows of which every answer is a fault. */
export interface RowCheck {
  invariant: string
  /** Selects one column, a sentence. `$1` is now. */
  faults: string
}

/** All of them in one question. */
export async function askRows(world: World, checks: readonly RowCheck[]): Promise<void> {
  const questions = checks.map(
    ({ invariant, faults }) => `select '${invariant}' as invariant, found.* from (${faults}) as found (fault)`,
  )
  const [row] = await world.sql.rows<{ invariant: string; fault: string }>(
    `select invariant, fault from (${questions.join(' union all ')}) as every order by invariant, fault limit 1`,
    [world.services.clock.now()],
  )
  if (row !== undefined) world.violate(row.invariant, row.fault)
}
