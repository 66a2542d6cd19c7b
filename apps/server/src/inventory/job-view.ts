import type { BulkItem, Job } from '@certctl/api'
import type { BulkItemRow } from '../store/bulk-items.js'
import type { BulkOperationRow } from '../store/bulk-operations.js'
import type { JobRow } from '../store/jobs.js'
import { jobStatusOf, jobTypeOf } from './status-view.js'

/** A job in the words older clients know. */
export function jobView(row: JobRow, bulk?: BulkOperationRow): Job {
  const { verification } = row.result ?? {}
  return {
    id: row.id,
    type: jobTypeOf(row),
    ...(row.certificate_id === null ? {} : { certificate_id: row.certificate_id }),
    ...(row.target_id === null ? {} : { target_id: row.target_id }),
    ...(row.agent_id === null ? {} : { agent_id: row.agent_id }),
    status: jobStatusOf(row),
    attempts: row.attempts,
    max_attempts: 0,
    ...(row.last_error === null ? {} : { last_error: row.last_error }),
    ...(row.last_error_code === null ? {} : { error_code: row.last_error_code }),
    scheduled_at: row.run_at.toISOString(),
    ...(row.started_at === null ? {} : { started_at: row.started_at.toISOString() }),
    ...(row.completed_at === null ? {} : { completed_at: row.completed_at.toISOString() }),
    created_at: row.created_at.toISOString(),
    ...(bulk === undefined ? {} : { bulk: progressOf(bulk) }),
    verification_status: verificationOf(row),
    ...(verification === undefined
      ? {}
      : {
          verified_at: verification.verified_at,
          verification_fingerprint: verification.actual_fingerprint,
          ...(verification.error === undefined ? {} : { verification_error: verification.error }),
        }),
  }
}

/** One certificate of a bulk job. */
export function bulkItemView({ certificate_id, state, code, message, result_job_id: job_id }: BulkItemRow): BulkItem {
  return {
    certificate_id,
    state,
    ...(code === null ? {} : { code }),
    ...(message === null ? {} : { message }),
    ...(job_id === null ? {} : { job_id }),
  }
}

function progressOf({ action, total, done, skipped, failed }: BulkOperationRow): NonNullable<Job['bulk']> {
  return { action, total, done, skipped, failed, pending: total - done - skipped - failed }
}

function verificationOf({ kind, state, outcome, result }: JobRow): Job['verification_status'] {
  if (result?.verification !== undefined) return result.verification.verified ? 'success' : 'failed'
  const isOver = state === 'cancelled' || (state === 'done' && outcome !== 'done')
  return kind !== 'deploy' || isOver || result?.unverifiable === true ? 'skipped' : 'pending'
}
