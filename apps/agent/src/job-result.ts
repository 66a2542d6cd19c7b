import type { JobReport } from '@certctl/api'
import { type ErrorCode, isCertctlError, messageOf } from '@certctl/core'

/** What a job came to. Lease and duration are added where it is sent. */
export type JobResult = Omit<JobReport, 'lease' | 'duration_ms'>

/** Codes that say that the same job again would be refused again, until somebody changes something. */
const refusals: readonly ErrorCode[] = ['policy_denied', 'config_invalid', 'unsupported', 'conflict', 'forbidden']

/** A failure as the server hears of it. What nobody foresaw is `internal`: its text may hold anything and stays in the log. */
export function failureOf(error: unknown): JobResult {
  if (!isCertctlError(error))
    return { outcome: 'failed', code: 'internal', message: 'The agent met a fault of its own; its log says more' }
  const { code } = error
  const outcome = code === 'deploy_torn' ? 'torn' : refusals.includes(code) ? 'refused' : 'failed'
  return { outcome, code, message: messageOf(error).slice(0, 4000) }
}
