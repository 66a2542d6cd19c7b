import { CertctlError } from '@certctl/core'

/** A clock that only moves when it is told to. */
export interface TestClock {
  now(): Date
  advance(seconds: number): void
  /** Moves the clock by so much at once and resolves; rejects `aborted` when the signal has fired. */
  delay(seconds: number, signal: AbortSignal): Promise<void>
}

export function createTestClock(start: Date): TestClock {
  let time = start.getTime()
  const advance = (seconds: number): void => {
    time += seconds * 1000
  }
  return {
    now: () => new Date(time),
    advance,
    async delay(seconds, signal) {
      throwIfAborted(signal)
      advance(seconds)
      await new Promise<void>((resume) => setImmediate(resume))
      throwIfAborted(signal)
    },
  }
}

/** Throws `aborted` where the signal has fired, as every host does. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new CertctlError('aborted', 'Interrupted')
}
