import { setTimeout as delay } from 'node:timers/promises'
import { timeLimit } from '@certctl/kit'
import type { Services } from '../services.js'

const firstPauseMs = 20
const longestPauseMs = 500

/** Looks until the job has ended, or for so many seconds. Returns whether it has ended. */
export async function awaitJob(
  { store }: Pick<Services, 'store'>,
  jobId: string,
  { seconds, signal }: { seconds: number; signal: AbortSignal },
): Promise<boolean> {
  const limit = timeLimit(seconds, signal)
  for (let pause = firstPauseMs; ; pause = Math.min(pause * 1.5, longestPauseMs)) {
    const job = await store.jobs.get(jobId)
    if (job?.state === 'done' || job?.state === 'cancelled') return true
    if (limit.aborted) return false
    // Cut short by either signal: one more look, and the answer is what it shows.
    await delay(pause, undefined, { signal: limit }).catch(() => undefined)
  }
}
