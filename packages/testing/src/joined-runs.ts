interface Waiting {
  readonly outcome: Promise<unknown>
}

/** `Host.shared`: joins a run of this key that has not begun, never one that has. */
export function createJoinedRuns(): <T>(key: string, action: () => Promise<T>) => Promise<T> {
  const waiting = new Map<string, Waiting>()
  const running = new Map<string, Promise<unknown>>()

  return <T>(key: string, action: () => Promise<T>): Promise<T> => {
    const joined = waiting.get(key)
    if (joined !== undefined) return joined.outcome as Promise<T>
    const before = running.get(key) ?? Promise.resolve()
    const outcome = before
      .catch(() => undefined)
      .then(() => {
        waiting.delete(key)
        const run = action()
        running.set(key, run)
        return run
      })
    waiting.set(key, { outcome })
    return outcome
  }
}
