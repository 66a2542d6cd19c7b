import { CertctlError } from '@certctl/core'
import type { PublicKeyInfo } from './public-key.js'

const smallestRsa = 2048
// Beyond this a verification costs every relying party dearly; OpenSSL's own bound on exponents of large keys is 64 bits.
const largestRsa = 8192
const largestExponent = 1n << 64n

/** Throws `csr_rejected` for a key nobody should certify: RSA below 2,048 bits or with an exponent that is even or below 3. */
export function checkKeyPolicy(publicKey: PublicKeyInfo): void {
  const fault = keyFault(publicKey)
  if (fault !== undefined) throw new CertctlError('csr_rejected', `The CSR is refused: ${fault}`)
}

function keyFault({ algorithm, size, exponent }: PublicKeyInfo): string | undefined {
  if (algorithm !== 'RSA') return undefined
  if (size < smallestRsa) return `its RSA key has ${size} bits; at least ${smallestRsa} are required`
  if (size > largestRsa) return `its RSA key has ${size} bits; at most ${largestRsa} are accepted`
  if (exponent === undefined) return 'its RSA key has no exponent'
  if (exponent < 3n) return `its RSA exponent is ${exponent}; the smallest safe one is 3, and 65537 is usual`
  if (exponent % 2n === 0n) return `its RSA exponent is ${shown(exponent)}, which is even; use 65537`
  if (exponent >= largestExponent) return 'its RSA exponent has more than 64 bits; use 65537'
  return undefined
}

function shown(exponent: bigint): string {
  return exponent < largestExponent ? String(exponent) : 'very large'
}
