import type { Services } from '../../services.js'
import type { BulkOperationRow } from '../../store/bulk-operations.js'
import type { Tx } from '../../store/store.js'
import type { LeasedJob } from '../order/begin-attempt.js'

/** Ends the job where nothing is pending; else leaves it to whoever claims it next, at once where this copy stops. No change where it was cancelled or its lease is lost. */
export async function finishBulk(
  services: Services,
  { id, lease }: LeasedJob,
  { interrupted }: { interrupted: boolean },
): Promise<void> {
  const outcome = await services.store.transaction(async (tx) => {
    await tx.bulkOperations.lock(id)
    if (await tx.bulkItems.hasPending(id)) {
      // Interrupted, or another copy that lost this lease has some of them in hand.
      const seconds = interrupted ? 0 : 5
      const left = { state: 'ready', lease: null, locked_by: null, locked_until: null } as const
      const runAt = new Date(tx.now.getTime() + seconds * 1000)
      if (await tx.jobs.settle({ id, lease }, { ...left, run_at: runAt })) tx.wake('work', 'bulk')
      return undefined
    }
    return await end(tx, { id, lease })
  })
  if (outcome !== undefined) services.metrics.jobEnded({ kind: 'bulk', outcome })
}

async function end(tx: Tx, { id, lease }: Pick<LeasedJob, 'id' | 'lease'>): Promise<'done' | 'failed' | undefined> {
  await tx.bulkOperations.recount(id)
  const operation = await tx.bulkOperations.get(id)
  if (operation === undefined) return undefined
  const { total, done, skipped, failed, action, actor } = operation
  const outcome = failed === 0 ? 'done' : 'failed'
  const isOurs = await tx.jobs.settle(
    { id, lease },
    { state: 'done', outcome, completed_at: tx.now, locked_until: null, last_error: faultOf(operation) },
  )
  if (!isOurs) return undefined
  tx.audit.append({
    actor,
    action: 'bulk.finished',
    resource_type: 'job',
    resource_id: id,
    details: { action, total, done, skipped, failed },
  })
  return outcome
}

function faultOf({ job_id: id, total, failed }: BulkOperationRow): string | null {
  if (failed === 0) return null
  return `${failed} of ${total} failed; list them with: certctl jobs items ${id} --state failed`
}
