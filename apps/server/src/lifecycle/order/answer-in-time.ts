import { CertctlError } from '@certctl/core'

export interface InTime<T> {
  seconds: number
  /** Somebody wants it to end. */
  signal: AbortSignal
  /** What comes after it was given up. */
  onLate?: ((answer: T) => void) | undefined
}

// A connector that honours its signal needs no longer to end by itself.
const graceSeconds = 10

/**
 * Asks another side that may not answer, with a signal that fires when its time is over. One that does not obey is given up a little
 * later, so that nothing waits for it for ever: rejects `upstream_unavailable`, or `aborted` where the caller wanted it to end.
 */
export async function answerInTime<T>(ask: (signal: AbortSignal) => Promise<T>, limit: InTime<T>): Promise<T> {
  const { seconds, signal, onLate } = limit
  const own = new AbortController()
  let isGivenUp = false
  const asked = ask(AbortSignal.any([signal, own.signal]))
  const timers: NodeJS.Timeout[] = [setTimeout(() => own.abort(new Error('out of time')), seconds * 1000)]
  // The signal may live as long as the process: nothing of this question may stay with it.
  const over = new AbortController()
  const givenUp = new Promise<never>((_, reject) => {
    const giveUp = (error: CertctlError): void => {
      isGivenUp = true
      reject(error)
    }
    timers.push(setTimeout(() => giveUp(tooLong(seconds)), (seconds + graceSeconds) * 1000))
    const interrupted = () => timers.push(setTimeout(() => giveUp(wanted()), graceSeconds * 1000))
    if (signal.aborted) interrupted()
    else signal.addEventListener('abort', interrupted, { once: true, signal: over.signal })
  })
  asked.then(
    (answer) => {
      if (isGivenUp) onLate?.(answer)
    },
    () => undefined,
  )
  try {
    return await Promise.race([asked, givenUp])
  } finally {
    over.abort()
    for (const timer of timers) clearTimeout(timer)
  }
}

function tooLong(seconds: number): CertctlError {
  return new CertctlError('upstream_unavailable', `There was no answer within ${seconds} s`)
}

function wanted(): CertctlError {
  return new CertctlError('aborted', 'Interrupted before there was an answer')
}
