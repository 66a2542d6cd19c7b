import type { Profile } from './default-profile.js'

/** The validity to ask for: what is wanted, capped by the profile. `undefined`: whatever the CA gives. */
export function ttlSeconds(
  wantedSeconds: number | undefined,
  { maxTtlSeconds }: Pick<Profile, 'maxTtlSeconds'>,
): number | undefined {
  if (wantedSeconds === undefined) return maxTtlSeconds
  return maxTtlSeconds === undefined ? wantedSeconds : Math.min(wantedSeconds, maxTtlSeconds)
}
