import type { Profile } from './default-profile.js'
import { ttlSeconds } from './ttl-seconds.js'

// A certificate lives from its beginning, and CAs let it begin up to an hour before they make it, for clocks that are slow.
const backdatedSeconds = 3600

export interface AllowedLife {
  profile: Pick<Profile, 'maxTtlSeconds'>
  /** The longest life that enforced rules allow. */
  mostSeconds?: number | undefined
}

/** How long a certificate is to live: what the CA is asked for, and what it may return at the most. `undefined`: whatever it gives. */
export function lifeToAsk(
  wantedSeconds: number | undefined,
  { profile, mostSeconds }: AllowedLife,
): { seconds: number | undefined; atMostSeconds: number | undefined } {
  const maxTtlSeconds = ttlSeconds(mostSeconds === undefined ? undefined : mostSeconds - backdatedSeconds, profile)
  return { seconds: ttlSeconds(wantedSeconds, { maxTtlSeconds }), atMostSeconds: ttlSeconds(mostSeconds, profile) }
}
