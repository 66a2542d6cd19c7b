import { CertctlError } from '@certctl/core'
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import type { Principal } from '../access/principal.js'

const perMinute = 10
const atOnce = 4

/** A run asks many machines: few at a time, and not many by one principal, in this process. Throws `rate_limited`. */
export function createDoctorLimit({
  enabled,
}: {
  enabled: boolean
}): <T>(principal: Principal, run: () => Promise<T>) => Promise<T> {
  const limiter = new RateLimiterMemory({ keyPrefix: 'doctor', points: perMinute, duration: 60 })
  let running = 0
  return async (principal, run) => {
    if (running >= atOnce) throw limited(`${atOnce} runs of the doctor are under way on this server`, 5)
    running += 1
    try {
      if (enabled) await limiter.consume(principal.kind === 'public' ? 'public' : `${principal.kind} ${principal.id}`)
      return await run()
    } catch (cause) {
      if (cause instanceof Error) throw cause
      const { msBeforeNext } = cause as RateLimiterRes
      throw limited(`The doctor runs at most ${perMinute} times a minute for one principal`, msBeforeNext / 1000)
    } finally {
      running -= 1
    }
  }
}

function limited(message: string, seconds: number): CertctlError {
  return new CertctlError('rate_limited', message, { retryAfterSeconds: Math.max(1, Math.ceil(seconds)) })
}
