import { CertctlError } from '@certctl/core'
import { BurstyRateLimiter, RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import type { KnownPrincipal } from '../access/principal.js'

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
  ofPrincipal(principal: KnownPrincipal): Promise<void>
  ofAddress(address: string): Promise<void>
  /** Counts a token from this address that was looked up for nothing. */
  failed(address: string): Promise<void>
  /** Throws where so many failed that no other is looked up for this address, until its time is over. */
  requireTrust(address: string): Promise<void>
}

/** Failures an address may have for each request of its burst: people behind one address share them with whoever guesses there. */
const failuresPerBurst = 10

export function createRateLimit(settings: RateLimitSettings): RateLimit {
  if (!settings.enabled)
    return {
      ofPrincipal: async () => {},
      ofAddress: async () => {},
      failed: async () => {},
      requireTrust: async () => {},
    }
  const addresses = createLimiter('address', settings.rate, settings.burst)
  const principals = createLimiter('principal', settings.principalRate, settings.principalBurst)
  const points = settings.burst * failuresPerBurst
  const failures = new RateLimiterMemory({
    keyPrefix: 'failures',
    points,
    duration: Math.max(1, points / settings.rate),
  })
  return {
    ofPrincipal: async ({ kind, id }) => await consume(principals, `${kind} ${id}`),
    ofAddress: async (address) => await consume(addresses, address),
    failed: async (address) => void (await failures.penalty(address)),
    async requireTrust(address) {
      const counted = await failures.get(address)
      if (counted !== null && counted.consumedPoints >= points) throw rateLimited(counted.msBeforeNext)
    },
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
    throw rateLimited((cause as RateLimiterRes).msBeforeNext)
  }
}

function rateLimited(waitMs: number): CertctlError {
  return new CertctlError('rate_limited', 'Rate limit exceeded; slow down', {
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
  })
}
