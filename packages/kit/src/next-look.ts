const scheduleSeconds = [5, 15, 45, 120, 300]
const hourSeconds = 3600

/** When to look at a pending order again: 5, 15, 45, 120, 300 s after looks 0 to 4, then hourly, each ±20 %; never earlier than the other side asked.
 * `random` gives a number from 0 to 1, below 1. */
export function nextLookSeconds(look: number, random: () => number, retryAfterSeconds = 0): number {
  const seconds = scheduleSeconds[look] ?? hourSeconds
  return Math.max(seconds * (0.8 + 0.4 * random()), retryAfterSeconds)
}
