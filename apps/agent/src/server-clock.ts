/** Time as the server has it: validity is judged by this, whatever this host's clock says. */
export interface ServerClock {
  now(): Date
  /** Takes over the time in an answer of the server. */
  heard(serverTime: Date): void
}

interface TimeSources {
  wall(): Date
  /** Never jumps. */
  monotonicMs(): number
}

const hostTime: TimeSources = { wall: () => new Date(), monotonicMs: () => performance.now() }

/** Starts with this host's wall clock, which is all there is until the server has answered once. */
export function createServerClock(sources: TimeSources = hostTime): ServerClock {
  let heardAt: { server: number; monotonic: number } | undefined
  return {
    now() {
      if (heardAt === undefined) return sources.wall()
      return new Date(heardAt.server + sources.monotonicMs() - heardAt.monotonic)
    },
    heard(serverTime) {
      heardAt = { server: serverTime.getTime(), monotonic: sources.monotonicMs() }
    },
  }
}
