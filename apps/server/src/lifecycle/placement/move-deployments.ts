import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import { waitText, windowOf } from './window-of.js'

/** After the maintenance windows of a target were changed: what waits for one waits for the next one there is now, or no longer. The target is locked. */
export async function moveDeployments(tx: Tx, target: TargetRow): Promise<void> {
  for (const placement of await tx.placements.listOfTarget(target.id)) {
    const open = await tx.jobs.findOpenOfPlacement(placement.id, 'deploy')
    const job = open === undefined ? undefined : await tx.jobs.lock(open.id)
    if (job?.state !== 'ready') continue
    const next = placement.next_attempt_at
    const at = next !== null && next.getTime() > tx.now.getTime() ? next : tx.now
    const opensAt = await windowOf(tx, { target, placement, at })
    await tx.placements.update(placement.id, { window_at: opensAt ?? null })
    await tx.jobs.update(job.id, {
      run_at: opensAt ?? at,
      last_error: opensAt === undefined ? null : waitText(opensAt),
      last_error_code: null,
    })
  }
  tx.wake('agent', target.agent_id)
}
