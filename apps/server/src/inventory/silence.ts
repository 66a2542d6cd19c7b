/** A restart, or a network that hiccups, is over by then. */
const silentMs = 300_000

/** An agent that was not heard of since this moment is not merely late. */
export function silentSince(now: Date): Date {
  return new Date(now.getTime() - silentMs)
}
