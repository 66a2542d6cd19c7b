import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

export type KeyAlgorithm = 'EC-P256' | 'EC-P384' | 'EC-P521' | 'Ed25519' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096'
export const keyAlgorithms = [
  'EC-P256',
  'EC-P384',
  'EC-P521',
  'Ed25519',
  'RSA-2048',
  'RSA-3072',
  'RSA-4096',
] as const satisfies readonly KeyAlgorithm[]

const generate = promisify(generateKeyPair)

const makers: Readonly<Record<KeyAlgorithm, () => Promise<{ publicKey: KeyObject; privateKey: KeyObject }>>> = {
  'EC-P256': async () => await generate('ec', { namedCurve: 'P-256' }),
  'EC-P384': async () => await generate('ec', { namedCurve: 'P-384' }),
  'EC-P521': async () => await generate('ec', { namedCurve: 'P-521' }),
  Ed25519: async () => await generate('ed25519'),
  'RSA-2048': async () => await generate('rsa', { modulusLength: 2048 }),
  'RSA-3072': async () => await generate('rsa', { modulusLength: 3072 }),
  'RSA-4096': async () => await generate('rsa', { modulusLength: 4096 }),
}

/** A new key pair from the platform's generator, off the event loop. The private key is PKCS #8 PEM without password. */
export async function generateKey(algorithm: KeyAlgorithm): Promise<{ privateKeyPem: string; spki: Uint8Array }> {
  const { publicKey, privateKey } = await makers[algorithm]()
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    spki: publicKey.export({ type: 'spki', format: 'der' }),
  }
}
