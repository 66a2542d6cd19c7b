import type { Config } from '../config.js'
import type { Surroundings } from '../doctor/surroundings.js'
import type { RateLimitSettings } from './rate-limit.js'

/** What the REST edge is told by the configuration. */
export interface HttpSettings {
  maxBodyBytes: number
  corsOrigins: readonly string[]
  trustedProxies: readonly string[]
  rateLimit: RateLimitSettings
  /** Pin of the CA that signs the listener's certificate; `undefined` where the operator supplied that certificate. */
  caSpkiSha256: () => Promise<string | undefined>
  /** Whether the server is on its way down: not ready, though it still answers. */
  isStopping: () => boolean
  build?: { commit: string; modified: boolean; time: string } | undefined
  /** In tests: the world that the doctor looks at, instead of the one outside. */
  surroundings?: Surroundings | undefined
  /** In tests: an answer that is not as its contract says is thrown. */
  checkReplies?: boolean | undefined
}

/** From the configuration; what only the running server knows is added. */
export function httpSettingsOf(
  config: Config,
  running: Pick<HttpSettings, 'caSpkiSha256' | 'isStopping' | 'build' | 'checkReplies'>,
): HttpSettings {
  return {
    ...running,
    maxBodyBytes: config.max_body_size,
    corsOrigins: config.cors_origins,
    trustedProxies: config.trusted_proxies,
    rateLimit: {
      enabled: config.rate_limit_enabled,
      rate: config.rate_limit_rps,
      burst: config.rate_limit_burst,
      principalRate: config.rate_limit_per_user_rps || config.rate_limit_rps,
      principalBurst: config.rate_limit_per_user_burst || config.rate_limit_burst,
    },
  }
}
