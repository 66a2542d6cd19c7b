import type { Services } from '../services.js'
import type { WakeChannel } from '../store/wake.js'

/** Hears wake-ups from now on, so that one between a look and the wait is not missed. */
export interface AwaitedWake {
  /** Resolves at the first wake-up since, after so many seconds, when the signal fires, or when the server begins to stop. */
  wait(seconds: number): Promise<void>
  /** Ends a wait, too. */
  close(): void
}

/** `subject`: only wake-ups of it. */
export function waitForWake(
  services: Pick<Services, 'wakes' | 'stopping'>,
  { channel, subject, signal }: { channel: WakeChannel; subject?: string | undefined; signal: AbortSignal },
): AwaitedWake {
  let resolve: () => void = () => undefined
  const woken = new Promise<void>((done) => {
    resolve = done
  })
  const stop = services.wakes.on(channel, (heard) => {
    if (subject === undefined || heard === subject) resolve()
  })
  const ends = [signal, services.stopping]
  for (const end of ends) end.addEventListener('abort', resolve, { once: true })
  if (ends.some((end) => end.aborted)) resolve()
  return {
    async wait(seconds) {
      const timer = setTimeout(resolve, seconds * 1000)
      await woken
      clearTimeout(timer)
    },
    close() {
      resolve()
      stop()
      for (const end of ends) end.removeEventListener('abort', resolve)
    },
  }
}
