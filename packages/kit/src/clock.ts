import { setTimeout as pause } from 'node:timers/promises'
import { CertctlError, type Host } from '@certctl/core'

export type Clock = Pick<Host, 'now' | 'delay'>

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => new Date(),
  async delay(seconds, signal) {
    try {
      await pause(seconds * 1000, undefined, { signal })
    } catch (cause) {
      throw new CertctlError('aborted', 'Interrupted while waiting', { cause })
    }
  },
}
