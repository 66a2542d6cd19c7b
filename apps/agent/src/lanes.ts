/** Runs actions of one lane after each other, those of different lanes at the same time. */
export type Lanes = <T>(lane: string, action: () => Promise<T>) => Promise<T>

export function createLanes(): Lanes {
  const last = new Map<string, Promise<unknown>>()
  return async (lane, action) => {
    const before = last.get(lane) ?? Promise.resolve()
    const run = before.then(action, action)
    last.set(lane, run)
    try {
      return await run
    } finally {
      if (last.get(lane) === run) last.delete(lane)
    }
  }
}
