import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { JsonValue } from '@certctl/core'
import { CompactEncrypt, calculateJwkThumbprint, FlattenedEncrypt, type JWK } from 'jose'

export type KeyKind = 'P-256' | 'P-384' | 'P-521' | 'RSA' | 'Ed25519'

/** A provisioner's key in every form that operators have it in. */
export interface ProvisionerMaterial {
  name: string
  algorithm: string
  publicJwk: { readonly [key: string]: JsonValue } & { kid: string }
  /** Compact, as `step crypto jwk create` writes it. */
  jwe: string
  jweJson: string
  jwk: string
  pem: string
  encryptedPem: string
}

const algorithms = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512', RSA: 'RS256', Ed25519: 'EdDSA' } as const

export async function createProvisionerMaterial(
  name: string,
  password: string,
  { kind = 'P-256', rounds = 1000 }: { kind?: KeyKind; rounds?: number } = {},
): Promise<ProvisionerMaterial> {
  const privateKey = newKey(kind)
  const algorithm = algorithms[kind]
  const bare = createPublicKey(privateKey).export({ format: 'jwk' }) as JWK
  const kid = await calculateJwkThumbprint(bare)
  const identity = { use: 'sig', kid, alg: algorithm }
  const jwk = JSON.stringify({ ...privateKey.export({ format: 'jwk' }), ...identity })
  return {
    name,
    algorithm,
    publicJwk: { ...(bare as { [key: string]: JsonValue }), ...identity },
    ...(await encrypted(jwk, password, rounds)),
    jwk,
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    encryptedPem: privateKey
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: password })
      .toString(),
  }
}

function newKey(kind: KeyKind): KeyObject {
  if (kind === 'RSA') return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519').privateKey
  return generateKeyPairSync('ec', { namedCurve: kind }).privateKey
}

async function encrypted(jwk: string, password: string, p2c: number): Promise<{ jwe: string; jweJson: string }> {
  const header = { alg: 'PBES2-HS256+A128KW', enc: 'A256GCM', cty: 'jwk+json' }
  const [content, secret] = [new TextEncoder().encode(jwk), new TextEncoder().encode(password)]
  const compact = new CompactEncrypt(content).setProtectedHeader(header).setKeyManagementParameters({ p2c })
  const flattened = new FlattenedEncrypt(content).setProtectedHeader(header).setKeyManagementParameters({ p2c })
  return { jwe: await compact.encrypt(secret), jweJson: JSON.stringify(await flattened.encrypt(secret)) }
}
