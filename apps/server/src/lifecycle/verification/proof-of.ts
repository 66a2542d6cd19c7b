import type { JobReport } from '@certctl/api'
import type { JobRow } from '../../store/jobs.js'
import type { JobResult } from '../../store/schema.js'

/** What is known of whether a deployment that is done is served: what an agent's own handshake said before, or what its report says. */
export function proofOf(
  { result }: Pick<JobRow, 'result'>,
  { fingerprint, receipt }: Pick<JobReport, 'fingerprint' | 'receipt'>,
  now: Date,
): JobResult {
  if (receipt?.served === 'unverifiable') return { ...result, unverifiable: true }
  if (receipt?.served !== 'served' || fingerprint === undefined || result?.verification !== undefined)
    return { ...result }
  return { ...result, verification: shownAs(fingerprint, now) }
}

export function shownAs(fingerprint: string, at: Date): NonNullable<JobResult['verification']> {
  return {
    expected_fingerprint: fingerprint,
    actual_fingerprint: fingerprint,
    verified: true,
    verified_at: at.toISOString(),
  }
}
