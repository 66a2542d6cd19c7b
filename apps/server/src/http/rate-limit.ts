import { CertctlError } from '@certctl/core'
import { BurstyRateLimiter, RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import type { Principal } from '../access/principal.js'

export interface RateLimitSettings {
  enabled: boolean
  /** Requests a second, and at once, per address of those who proved nothing. */
  rate: number
  burst: number
  /** The same per principal. */
  principalRate: number
  principalBurst: number
}

/** Counts requests in this process; a principal by its id, everybody else by address. Throws `rate_limited`. */
export interface RateLimit {
  ofPrincipal(principal: Exclude<Principal, { kind: 'public' }>): Promise<void>
  ofAddress(address: string): Promise<void>
}

export function createRateLimit(settings: RateLimitSettings): RateLimit {
  if (!settings.enabled) return { ofPrincipal: async () => {}, ofAddress: async () => {} }
  const addresses = createLimiter('address', settings.rate, settings.burst)
  const principals = createLimiter('principal', settings.principalRate, settings.principalBurst)
  return {
    ofPrincipal: async ({ kind, id }) => await consume(principals, `${kind} ${id}`),
    ofAddress: async (address) => await consume(addresses, address),
  }
}

function createLimiter(name: string, rate: number, burst: number): BurstyRateLimiter {
  return new BurstyRateLimiter(
    new RateLimiterMemory({ keyPrefix: name, points: rate, duration: 1 }),
    new RateLimiterMemory({ keyPrefix: `${name}-burst`, points: burst, duration: Math.max(1, burst / rate) }),
  )
}

async function consume(limiter: BurstyRateLimiter, key: string): Promise<void> {
  try {
    await limiter.consume(key)
  } catch (cause) {
    if (cause instanceof Error) throw cause
    const waitMs = (cause as RateLimiterRes).msBeforeNext
    throw new CertctlError('rate_limited', 'Rate limit exceeded; slow down', {
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
    })
  }
}
