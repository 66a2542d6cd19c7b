import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { CertctlError } from '@certctl/core'
import type { Csr } from './csr.js'
import type { PublicKeyInfo } from './public-key.js'
import type { SignatureScheme } from './signature-algorithm.js'

/** Throws `csr_rejected` unless the CSR is signed with its own key, under an algorithm that is not broken. */
export function checkProofOfPossession(csr: Csr): void {
  if (proven.has(csr)) return
  const { signatureScheme: scheme, publicKey } = csr
  if (scheme === undefined) throw refused(csr.signatureFault ?? 'its signature algorithm is not accepted')
  if (scheme.key !== publicKey.algorithm)
    throw refused(`its key is ${publicKey.algorithm}, but its signature is made with ${csr.signatureAlgorithm}`)
  if (!isSignedBy(csr, importPublicKey(publicKey), scheme))
    throw refused('its signature does not fit its public key, so the sender may not hold the private key')
  proven.add(csr)
}

/** One CSR is looked at at several stages. */
const proven = new WeakSet<Csr>()

function refused(fault: string, cause?: unknown): CertctlError {
  return new CertctlError('csr_rejected', `The CSR is refused: ${fault}`, { cause })
}

/** Whether the signature over these bytes holds under the key. */
export function isSignedBy(
  { signedBytes, signature }: Pick<Csr, 'signedBytes' | 'signature'>,
  key: KeyObject,
  { hash, saltLength }: SignatureScheme,
): boolean {
  if (saltLength === undefined) return verify(hash ?? null, signedBytes, key, signature)
  return verify(hash, signedBytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature)
}

/**
 * A key object by the fastest import that still checks. RSA goes in as PKCS #1, whose algorithm, shape, size and exponent were
 * read before; P-256 and Ed25519 as JWK, where OpenSSL checks that the point lies on the curve; the rest as it came.
 */
export function importPublicKey({ algorithm, curve, spki }: PublicKeyInfo): KeyObject {
  try {
    if (algorithm === 'RSA') return createPublicKey({ key: pkcs1Of(spki), format: 'der', type: 'pkcs1' })
    if (algorithm === 'Ed25519')
      return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: tail(spki, 32, 0) }, format: 'jwk' })
    if (curve === 'P-256') return createPublicKey({ key: pointOf(spki), format: 'jwk' })
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch (cause) {
    throw refused('its public key is not one: the point does not lie on the curve, or the numbers make no key', cause)
  }
}

// SubjectPublicKeyInfo of rsaEncryption: header, algorithm (15 bytes), BIT STRING header, a zero octet, and the key to the end.
function pkcs1Of(spki: Uint8Array): Buffer {
  const algorithmEnd = headerLength(spki, 0) + 15
  const keyStart = algorithmEnd + headerLength(spki, algorithmEnd) + 1
  return Buffer.from(spki.buffer, spki.byteOffset + keyStart, spki.length - keyStart)
}

function headerLength(der: Uint8Array, at: number): number {
  const first = der[at + 1] ?? 0
  return 2 + (first < 0x80 ? 0 : first & 0x7f)
}

function pointOf(spki: Uint8Array) {
  return { kty: 'EC', crv: 'P-256', x: tail(spki, 32, 32), y: tail(spki, 32, 0) }
}

function tail(bytes: Uint8Array, length: number, before: number): string {
  const end = bytes.length - before
  return Buffer.from(bytes.buffer, bytes.byteOffset + end - length, length).toString('base64url')
}
