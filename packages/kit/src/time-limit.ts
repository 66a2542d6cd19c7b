/** A signal that fires when so many seconds are over, or with any of the others. Not `AbortSignal.any` over `AbortSignal.timeout`: Node 20 forgets that limit at a garbage collection. */
export function timeLimit(seconds: number, ...others: readonly (AbortSignal | undefined)[]): AbortSignal {
  const limit = new AbortController()
  // The timer is what remembers the controller.
  setTimeout(() => limit.abort(new DOMException(`${seconds} s are over`, 'TimeoutError')), seconds * 1000).unref()
  return AbortSignal.any([limit.signal, ...others.filter((other) => other !== undefined)])
}
