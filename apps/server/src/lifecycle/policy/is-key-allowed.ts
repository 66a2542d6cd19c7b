import type { Profile } from './default-profile.js'
import { keyKindOf } from './key-kind-of.js'

/** Whether a profile has keys of this kind, as in `EC-P256`. */
export function isKeyAllowed(keyAlgorithm: string, { allowedKeyAlgorithms }: Profile): boolean {
  if (allowedKeyAlgorithms.length === 0) return true
  const key = keyKindOf(keyAlgorithm)
  return (
    key !== undefined &&
    allowedKeyAlgorithms.some(({ algorithm, min_size }) => algorithm === key.algorithm && key.size >= min_size)
  )
}
