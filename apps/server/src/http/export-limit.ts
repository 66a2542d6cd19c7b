import { CertctlError } from '@certctl/core'
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import type { Principal } from '../access/principal.js'

const hour = 3600

/** Counts what one principal exports within an hour, in this process; throws `rate_limited` with the seconds until there is room. 0 is no limit. */
export function createExportLimit(perHour: number): (principal: Principal) => Promise<void> {
  if (perHour === 0) return async () => {}
  const limiter = new RateLimiterMemory({ keyPrefix: 'export', points: perHour, duration: hour })
  return async (principal) => {
    try {
      await limiter.consume(principal.kind === 'public' ? 'public' : `${principal.kind} ${principal.id}`)
    } catch (cause) {
      if (cause instanceof Error) throw cause
      const { msBeforeNext } = cause as RateLimiterRes
      throw new CertctlError('rate_limited', `At most ${perHour} certificates are exported an hour by one principal`, {
        retryAfterSeconds: Math.max(1, Math.ceil(msBeforeNext / 1000)),
      })
    }
  }
}
