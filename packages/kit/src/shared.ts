import { type Host, isCertctlError } from '@certctl/core'

/** `Host.shared`: a call joins the run under its key that has not begun, never one that has, so that each caller knows the outcome of an action that began after its
 * call. Runs of one key follow each other. A run that its first caller interrupted is repeated for the others. */
export function createShared(): Host['shared'] {
  const waiting = new Map<string, Promise<unknown>>()
  const last = new Map<string, Promise<unknown>>()

  const shared = <T>(key: string, action: () => Promise<T>): Promise<T> => {
    const joined = waiting.get(key)
    if (joined !== undefined)
      return joined.catch((error: unknown) => {
        if (isCertctlError(error) && error.code === 'aborted') return shared(key, action)
        throw error
      }) as Promise<T>
    const before = last.get(key) ?? Promise.resolve()
    const outcome = settled(before).then(() => {
      waiting.delete(key)
      return action()
    })
    waiting.set(key, outcome)
    last.set(key, outcome)
    void settled(outcome).then(() => {
      if (last.get(key) === outcome) last.delete(key)
    })
    return outcome
  }
  return shared
}

/** How the one before ended is its callers' business. */
async function settled(outcome: Promise<unknown>): Promise<void> {
  await outcome.catch(() => undefined)
}
