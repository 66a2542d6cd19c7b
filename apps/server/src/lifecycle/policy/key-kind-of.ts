import type { AllowedKey } from './default-profile.js'

/** `EC-P256`, `RSA-3072` or `Ed25519` in the words of profiles. `undefined` for anything else. */
export function keyKindOf(keyAlgorithm: string): { algorithm: AllowedKey['algorithm']; size: number } | undefined {
  if (keyAlgorithm === 'Ed25519') return { algorithm: 'Ed25519', size: 256 }
  const [, family, size] = /^(EC-P|RSA-)(\d{3,5})$/.exec(keyAlgorithm) ?? []
  if (size === undefined) return undefined
  return { algorithm: family === 'RSA-' ? 'RSA' : 'ECDSA', size: Number(size) }
}
