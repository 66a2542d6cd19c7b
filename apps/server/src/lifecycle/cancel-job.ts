import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { JobRow } from '../store/jobs.js'
import type { Tx } from '../store/store.js'
import { closeOrder } from './order/close-order.js'

const code = 'aborted'

/** Cancels an open job. What it was for is left as it is until it changes or somebody asks again; of a bulk operation that is what nobody has in hand. Throws `not_found`, and `conflict` for a job that has ended. */
export async function cancelJob(
  services: Services,
  { jobId, actor, reason }: { jobId: string; actor: Actor; reason?: string | undefined },
): Promise<void> {
  await services.store.transaction(async (tx) => {
    const unlocked = await tx.jobs.get(jobId)
    if (unlocked === undefined) throw new CertctlError('not_found', `There is no job ${jobId}`)
    const message = `Cancelled by ${actor.name}${reason === undefined || reason === '' ? '' : `: ${reason}`}`
    const progress = unlocked.kind === 'bulk' ? await stopItems(tx, jobId) : undefined
    if (unlocked.kind === 'issue') await stopHolder(tx, unlocked, message)
    if (unlocked.kind === 'deploy') await stopPlacement(tx, unlocked, message)
    const cancelled = await tx.jobs.cancel({ column: 'id', value: jobId }, { at: tx.now, reason: message })
    if (cancelled.length === 0) throw new CertctlError('conflict', `Job ${jobId} has ended already`)
    tx.audit.append({
      actor,
      action: 'job.cancelled',
      resource_type: 'job',
      resource_id: jobId,
      details: {
        kind: unlocked.kind,
        certificate_id: unlocked.certificate_id,
        target_id: unlocked.target_id,
        reason,
        ...progress,
      },
    })
  })
}

/** Waits for the items in hand; from then on none is begun. Returns how far it has come, which is how far it gets. */
async function stopItems(tx: Tx, jobId: string) {
  await tx.bulkOperations.lock(jobId)
  await tx.bulkOperations.recount(jobId)
  const operation = await tx.bulkOperations.get(jobId)
  if (operation === undefined) return undefined
  const { total, done, skipped, failed } = operation
  return { total, done, skipped, failed }
}

async function stopHolder(tx: Tx, job: JobRow, message: string): Promise<void> {
  const certificate = await tx.certificates.lock(job.certificate_id ?? '')
  const holder = await tx.holders.lock(job.holder_id ?? '')
  if (certificate === undefined || holder === undefined) return
  const order = await tx.orders.lockOpenOfHolder(holder.id)
  if (order !== undefined) await closeOrder(tx, order, { state: 'abandoned', reason: message })
  await tx.holders.update(holder.id, {
    last_error_code: code,
    last_error: message,
    next_attempt_at: null,
    blocked_code: code,
    blocked_generation: certificate.generation,
  })
}

async function stopPlacement(tx: Tx, job: JobRow, message: string): Promise<void> {
  const target = await tx.targets.lock(job.target_id ?? '')
  const placement = await tx.placements.lock(job.placement_id ?? '')
  if (target === undefined || placement === undefined) return
  await tx.placements.update(placement.id, {
    state: 'failed',
    cause_code: code,
    cause_message: message,
    next_attempt_at: null,
    blocked_code: code,
    blocked_generation: target.generation,
    updated_at: tx.now,
  })
}
