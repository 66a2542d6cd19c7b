import type { PublicKeyInfo } from '../public-key.js'
import type { KeyUsage } from './key-usage-names.js'

/** What a leaf's key of each kind can be used for: RFC 3279 §2.3.1, RFC 8813 §3, RFC 8410 §5. */
const usable: Readonly<Record<PublicKeyInfo['algorithm'], readonly KeyUsage[]>> = {
  RSA: ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment'],
  EC: ['digitalSignature', 'nonRepudiation', 'keyAgreement', 'encipherOnly', 'decipherOnly'],
  Ed25519: ['digitalSignature', 'nonRepudiation'],
}

/** Those of the usages that a leaf with such a key can have; `digitalSignature` where none of them is left. */
export function usableKeyUsages(algorithm: PublicKeyInfo['algorithm'], usages: readonly KeyUsage[]): KeyUsage[] {
  const kept = usages.filter((usage) => usable[algorithm].includes(usage))
  return kept.length > 0 ? kept : ['digitalSignature']
}
