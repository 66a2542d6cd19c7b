import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { CertctlError, messageOf } from '@certctl/core'
import { generateKey, readPrivateKey } from '@certctl/pki'
import type { Acme } from '../acme.js'

export interface ReadKey {
  /** PKCS #8. */
  privateKeyPem: string
  spkiSha256: string
}

/** EC P-256: every ACME server must take ES256 (RFC 8555 §6.2). */
export async function makeAccountKey(): Promise<string> {
  return (await generateKey('EC-P256')).privateKeyPem
}

/** The key of `account_key_path`. Throws `config_invalid` with the path, never with what is in the file. */
export async function importKey({ config: { account_key_path }, host }: Acme): Promise<ReadKey | undefined> {
  if (account_key_path === undefined) return undefined
  try {
    const pem = Buffer.from(await host.files.read(account_key_path, { maxBytes: 65_536 })).toString('utf8')
    return readKey(readPrivateKey(pem))
  } catch (cause) {
    throw new CertctlError('config_invalid', `account_key_path ${account_key_path}: ${messageOf(cause)}`, { cause })
  }
}

const curves = ['prime256v1', 'secp384r1', 'secp521r1']
const smallestRsaBits = 2048

function readKey(key: KeyObject): ReadKey {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  const isEc = type === 'ec' && curves.includes(details?.namedCurve ?? '')
  const isRsa = type === 'rsa' && (details?.modulusLength ?? 0) >= smallestRsaBits
  if (!isEc && !isRsa)
    throw new CertctlError('config_invalid', 'ACME accounts need EC P-256, P-384 or P-521, or RSA of 2048 bits or more')
  return {
    privateKeyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    spkiSha256: spkiSha256Of(key),
  }
}

/** To tell account keys from certificate keys, and one account from another. */
export function spkiSha256Of(privateKey: KeyObject | string): string {
  const key = typeof privateKey === 'string' ? readPrivateKey(privateKey) : privateKey
  return createHash('sha256')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest('hex')
}
