import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { generateKey } from '@certctl/pki'
import type { Services } from '../services.js'

/** What signs checkpoints: Ed25519, made once, sealed in the database, shared by all copies. */
export interface AuditSigningKey {
  /** SHA-256 of the public key's SPKI, lower-case hex. */
  readonly keyId: string
  readonly publicKeyPem: string
  sign(text: string): Buffer
}

const name = 'audit-signing-key'
const place = { table: 'server_secrets', id: name, column: 'value' }

export async function auditSigningKey(
  services: Pick<Services, 'store' | 'sealing' | 'clock'>,
): Promise<AuditSigningKey> {
  const { store, sealing, clock } = services
  const value = (await store.serverSecrets.find(name)) ?? (await makeOne())
  const privateKey = createPrivateKey(sealing.open(value, place).toString())
  const publicKeyPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()
  return { keyId: keyIdOf(publicKeyPem), publicKeyPem, sign: (text) => sign(null, Buffer.from(text), privateKey) }

  async function makeOne(): Promise<Buffer> {
    const { privateKeyPem } = await generateKey('Ed25519')
    return await store.serverSecrets.keepFirst({
      name,
      value: sealing.seal(privateKeyPem, place),
      created_at: clock.now(),
    })
  }
}

export function keyIdOf(publicKeyPem: string): string {
  return createHash('sha256')
    .update(createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

export function verifySignature(publicKeyPem: string, message: string, signatureBase64: string): boolean {
  return verify(null, Buffer.from(message), createPublicKey(publicKeyPem), Buffer.from(signatureBase64, 'base64'))
}
