import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { createId } from '../../store/create-id.js'
import type { BulkArguments, BulkOperationsTable } from '../../store/schema.js'
import type { Tx } from '../../store/store.js'

export type BulkAction = BulkOperationsTable['action']

export interface WantedBulk {
  action: BulkAction
  filter: Omit<Parameters<Tx['bulkItems']['countMatching']>[0], 'now'>
  /** As they were written, for the record. */
  criteria: object
  arguments: BulkArguments
  actor: Actor
}

/** Fixes the set of certificates that match now and queues the job that goes through them, in one transaction. Returns the job and how many it is about. */
export async function beginBulk(
  services: Services,
  { action, filter, criteria, arguments: given, actor }: WantedBulk,
): Promise<{ jobId: string; total: number }> {
  return await services.store.transaction(async (tx) => {
    const jobId = createId('job', tx.now)
    await tx.jobs.insert({
      id: jobId,
      kind: 'bulk',
      state: 'ready',
      run_at: tx.now,
      requested_by: actor.name,
      created_at: tx.now,
    })
    await tx.bulkOperations.insert({
      job_id: jobId,
      action,
      criteria: JSON.stringify(criteria),
      arguments: JSON.stringify(given),
      actor: JSON.stringify(actor),
      created_at: tx.now,
    })
    const matching = await tx.bulkItems.insertMatching(jobId, { ...filter, now: tx.now })
    const unknown = filter.ids === undefined ? 0 : await tx.bulkItems.insertUnknown(jobId, filter.ids)
    const total = matching + unknown
    await tx.bulkOperations.setTotal(jobId, { total, failed: unknown })
    tx.audit.append({
      actor,
      action: 'bulk.requested',
      resource_type: 'job',
      resource_id: jobId,
      details: { action, criteria, arguments: given, total },
    })
    tx.wake('work', 'bulk')
    return { jobId, total }
  })
}
