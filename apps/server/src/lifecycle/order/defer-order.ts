import type { ErrorCode } from '@certctl/core'
import type { Services } from '../../services.js'
import type { LeasedJob } from './begin-attempt.js'

/** Gives a claimed job back without a failure: nothing was asked, or the asking was cut short. */
export async function deferOrder(
  services: Services,
  job: LeasedJob,
  { seconds, code, message }: { seconds: number; code?: ErrorCode | undefined; message: string },
): Promise<void> {
  await services.store.transaction(async (tx) => {
    await tx.jobs.settle(job, {
      state: 'ready',
      run_at: new Date(tx.now.getTime() + seconds * 1000),
      locked_until: null,
      last_error_code: code ?? null,
      last_error: message,
    })
    if (seconds === 0) tx.wake('work', 'issue')
  })
}
