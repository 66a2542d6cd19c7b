import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { BulkItemRow, BulkItemState } from '../store/bulk-items.js'
import type { JobRow } from '../store/jobs.js'

const shownItems = 100

/** What is said of every bulk operation, whatever it did. */
export interface BulkTotals {
  job_id: string
  total_matched: number
  total_skipped: number
  total_failed: number
  skipped?: { certificate_id: string; code: string; reason: string }[]
  errors?: { certificate_id: string; code: string; error: string }[]
  /** Who cancelled it, and why. */
  cancelled?: string
  /** Of one that was cancelled: what had not begun, and is left as it was. */
  total_pending?: number
  more?: string
}

export interface EndedBulk {
  totals: BulkTotals
  done: number
  /** The first of them. */
  doneItems: BulkItemRow[]
}

/** The totals of a bulk operation that has ended, with the first of each list. */
export async function endedBulk({ store }: Pick<Services, 'store'>, jobId: string): Promise<EndedBulk> {
  const [operation, job] = await Promise.all([store.bulkOperations.get(jobId), store.jobs.get(jobId)])
  if (operation === undefined || job === undefined) throw new CertctlError('gone', `Job ${jobId} is kept no longer`)
  const { total, done, skipped, failed } = operation
  const list = async (state: BulkItemState) => await store.bulkItems.list(jobId, { state, limit: shownItems })
  const [doneItems, skippedItems, failedItems] = await Promise.all([list('done'), list('skipped'), list('failed')])
  const isWhole = Math.max(done, skipped, failed) <= shownItems
  const totals: BulkTotals = {
    job_id: jobId,
    total_matched: total,
    total_skipped: skipped,
    total_failed: failed,
    ...(skippedItems.length === 0 ? {} : { skipped: skippedItems.map(skippedOf) }),
    ...(failedItems.length === 0 ? {} : { errors: failedItems.map(errorOf) }),
    ...(job.state === 'cancelled' ? leftBy(job, total - done - skipped - failed) : {}),
    ...(isWhole ? {} : { more: `/api/v1/jobs/${jobId}/items` }),
  }
  return { totals, done, doneItems }
}

function leftBy({ last_error: why }: JobRow, pending: number) {
  return { cancelled: why ?? 'Cancelled', total_pending: pending }
}

function skippedOf({ certificate_id, code, message }: BulkItemRow) {
  return { certificate_id, code: code ?? '', reason: message ?? '' }
}

function errorOf({ certificate_id, code, message }: BulkItemRow) {
  return { certificate_id, code: code ?? 'internal', error: message ?? '' }
}
