export interface BackoffQuestion {
  /** In a row, this one included. */
  failures: number
  now: Date
  /** When what is served now ends; absent: nothing is. */
  endsAt?: Date | undefined
  /** After the first failure; a minute where not given. */
  firstSeconds?: number | undefined
  /** What the other side asked for. */
  retryAfterSeconds?: number | undefined
  /** Between 0 and 1. */
  random: () => number
}

const shortestSeconds = 60
const daySeconds = 86_400
// After the end every hour counts, and still nobody is asked once a minute for ever.
const endedSeconds = 3600
// Longer wishes than the longest window of a public CA's rate limits are mistakes.
const longestWishSeconds = 7 * daySeconds
const jitter = 0.1

/** When to try again: a minute at first, or what is wished, doubling up to a tenth of the time left, at least once a day; later only where the other side asked for it. */
export function backoff({ failures, now, endsAt, random, ...wishes }: BackoffQuestion): Date {
  const { firstSeconds = shortestSeconds, retryAfterSeconds = 0 } = wishes
  const grown = firstSeconds * 2 ** Math.min(Math.max(failures, 1) - 1, 20)
  const seconds = Math.max(shortestSeconds, Math.min(grown, ceiling(now, endsAt)))
  const spread = seconds * (1 - jitter * random())
  const wait = Math.max(spread, Math.min(retryAfterSeconds, longestWishSeconds))
  return new Date(now.getTime() + Math.ceil(wait * 1000))
}

function ceiling(now: Date, endsAt: Date | undefined): number {
  if (endsAt === undefined) return daySeconds
  const left = (endsAt.getTime() - now.getTime()) / 1000
  return left <= 0 ? endedSeconds : Math.min(left / 10, daySeconds)
}
