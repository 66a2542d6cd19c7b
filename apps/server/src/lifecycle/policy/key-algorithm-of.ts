import type { PublicKeyInfo } from '@certctl/pki'

/** As certificates ask for keys: `EC-P256`, `RSA-3072`, `Ed25519`. */
export function keyAlgorithmOf({ algorithm, size, curve }: PublicKeyInfo): string {
  if (algorithm === 'RSA') return `RSA-${size}`
  return algorithm === 'EC' ? `EC-${(curve ?? '').replace('-', '')}` : algorithm
}
