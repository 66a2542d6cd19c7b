import { createHash, createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { CertctlError, isCertctlError, type Secret, z } from '@certctl/core'
import { calculateJwkThumbprint, compactDecrypt, errors, flattenedDecrypt } from 'jose'

/** The private key of a provisioner, as tokens are signed with it. */
export interface ProvisionerKey {
  privateKey: KeyObject
  /** JWS algorithm: ES256, ES384, ES512, RS256 or EdDSA. */
  algorithm: string
  kid: string
}

/** 100 000 and 600 000 rounds are usual. Whoever can write the key file must not be able to stop the server with a larger number. */
const maxRounds = 2_000_000
const keyManagementAlgorithms = ['PBES2-HS256+A128KW', 'PBES2-HS384+A192KW', 'PBES2-HS512+A256KW']

const jwkSchema = z.looseObject({ kty: z.string(), kid: z.string().optional(), d: z.string() })
const jweSchema = z.looseObject({
  protected: z.string(),
  encrypted_key: z.string(),
  iv: z.string(),
  ciphertext: z.string(),
  tag: z.string(),
})

/** Reads a key in any form that step knows: JWE (compact or JSON), JWK, PEM (encrypted or not). Throws `config_invalid`; the content is never quoted. */
export async function readProvisionerKey(
  text: string,
  { password, kid, source }: { password: Secret | undefined; kid: string | undefined; source: string },
): Promise<ProvisionerKey> {
  try {
    const trimmed = text.trim()
    if (trimmed.startsWith('-----BEGIN')) return await keyOfPem(trimmed, password, kid)
    const content: unknown = trimmed.startsWith('{') ? parsedJson(trimmed) : trimmed
    const isEncrypted = typeof content === 'string' || jweSchema.safeParse(content).success
    const jwk = isEncrypted ? parsedJson(await decrypted(content, password)) : content
    return await keyOfJwk(jwk, kid)
  } catch (error) {
    // The cause stays out where it is not ours: a parser's sentence may hold parts of the key.
    const fault = isCertctlError(error) ? error.message : 'it is none of JWE, JWK and PEM, or is damaged'
    throw new CertctlError('config_invalid', `The provisioner key (${source}) cannot be used: ${fault}`)
  }
}

function wrong(fault: string): CertctlError {
  return new CertctlError('config_invalid', fault)
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw wrong('it is not JSON')
  }
}

async function decrypted(content: unknown, password: Secret | undefined): Promise<string> {
  if (password === undefined) throw wrong('it is encrypted; give provisioner_password')
  const options = { keyManagementAlgorithms, maxPBES2Count: maxRounds }
  try {
    const secret = new TextEncoder().encode(password.reveal())
    const { plaintext } =
      typeof content === 'string'
        ? await compactDecrypt(content, secret, options)
        : await flattenedDecrypt(jweSchema.parse(content), secret, options)
    return new TextDecoder().decode(plaintext)
  } catch (error) {
    if (error instanceof errors.JWEDecryptionFailed) throw wrong('provisioner_password does not open it')
    if (error instanceof errors.JOSEError) throw wrong(reasonOf(error))
    throw error
  }
}

/** jose's own sentences name headers, never content. */
function reasonOf({ code, message }: errors.JOSEError): string {
  if (message.includes('p2c')) return `its password is hashed in more than ${maxRounds} rounds`
  return `it is no JWE that a password opens (${code})`
}

async function keyOfPem(text: string, password: Secret | undefined, kid: string | undefined): Promise<ProvisionerKey> {
  const isEncrypted = /ENCRYPTED/.test(text)
  if (isEncrypted && password === undefined) throw wrong('it is encrypted; give provisioner_password')
  const privateKey = pemKey(text, isEncrypted ? password : undefined)
  return await withIdentity(privateKey, kid)
}

function pemKey(text: string, password: Secret | undefined): KeyObject {
  try {
    return createPrivateKey({ key: text, ...(password && { passphrase: password.reveal() }) })
  } catch {
    throw wrong(password === undefined ? 'its PEM holds no private key' : 'provisioner_password does not open it')
  }
}

async function keyOfJwk(content: unknown, kid: string | undefined): Promise<ProvisionerKey> {
  const jwk = jwkSchema.safeParse(content).data
  if (jwk === undefined) throw wrong('it holds no private JWK (a public key is not enough)')
  const privateKey = createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })
  return await withIdentity(privateKey, kid ?? jwk.kid)
}

async function withIdentity(privateKey: KeyObject, kid: string | undefined): Promise<ProvisionerKey> {
  const algorithm = algorithmOf(privateKey)
  const { alg: _, ...publicJwk } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { privateKey, algorithm, kid: kid ?? (await calculateJwkThumbprint(publicJwk)) }
}

const curveAlgorithms: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}

function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string {
  if (type === 'rsa') return 'RS256'
  if (type === 'ed25519') return 'EdDSA'
  const algorithm = type === 'ec' ? curveAlgorithms[details?.namedCurve ?? ''] : undefined
  if (algorithm !== undefined) return algorithm
  throw wrong(
    `step-ca takes no tokens signed with a key of type ${type ?? 'unknown'}; use P-256, P-384, P-521, RSA or Ed25519`,
  )
}

/** Tells one content from another without keeping it. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
