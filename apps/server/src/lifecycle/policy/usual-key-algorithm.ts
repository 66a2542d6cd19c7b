import { keyAlgorithms } from '@certctl/pki'
import type { Profile } from './default-profile.js'
import { isKeyAllowed } from './is-key-allowed.js'

const usual = 'EC-P256'

/** The kind of key where nobody asked for one: P-256, or the first that the profile allows. */
export function usualKeyAlgorithm(profile: Profile): string {
  return [usual, ...keyAlgorithms].find((keyAlgorithm) => isKeyAllowed(keyAlgorithm, profile)) ?? usual
}
