/**
 * A signal that fires when so many seconds are over, or with any of the others. In place of `AbortSignal.any` over `AbortSignal.timeout`: there
 * Node 20 forgets the time limit at the next garbage collection, and whoever waits for it waits for ever.
 */
export function timeLimit(seconds: number, ...others: readonly (AbortSignal | undefined)[]): AbortSignal {
  const limit = new AbortController()
  const late = () => limit.abort(new DOMException(`${seconds} s are over`, 'TimeoutError'))
  // The timer is what remembers the controller.
  setTimeout(late, seconds * 1000).unref()
  return AbortSignal.any([limit.signal, ...others.filter((other) => other !== undefined)])
}
