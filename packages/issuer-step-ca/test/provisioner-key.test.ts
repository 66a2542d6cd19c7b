import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { isCertctlError, Secret } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { readProvisionerKey } from '../src/provisioner-key.js'
import { createProvisionerMaterial, type KeyKind } from './provisioner-material.js'

const password = 'correct horse battery staple'
const kinds: readonly KeyKind[] = ['P-256', 'P-384', 'P-521', 'RSA', 'Ed25519']
const forms = ['jwe', 'jweJson', 'jwk', 'pem', 'encryptedPem'] as const

const read = (text: string, over: { password?: string | undefined; kid?: string } = { password }) =>
  readProvisionerKey(text, {
    password: over.password === undefined ? undefined : new Secret(over.password),
    kid: over.kid,
    source: '/etc/key',
  })

async function faultOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => new Error('accepted'),
    (reason: unknown) => reason,
  )
  return isCertctlError(error) ? `${error.code}: ${error.message}` : String(error)
}

describe('a provisioner key', () => {
  it.each(kinds)('of type %s is read from every form, with the same id and algorithm', async (kind) => {
    const material = await createProvisionerMaterial('p', password, { kind })
    for (const form of forms) {
      const { kid, algorithm, privateKey } = await read(material[form])
      expect({ form, kid, algorithm }).toEqual({ form, kid: material.publicJwk.kid, algorithm: material.algorithm })
      const { x, n } = createPublicKey(privateKey).export({ format: 'jwk' })
      expect(x ?? n).toBe(material.publicJwk.x ?? material.publicJwk.n)
    }
  })

  it('has the id that is configured, where one is', async () => {
    const { pem } = await createProvisionerMaterial('p', password)
    expect((await read(pem, { kid: 'ours' })).kid).toBe('ours')
  })

  it('that is encrypted wants the right password', async () => {
    const material = await createProvisionerMaterial('p', password)
    for (const form of ['jwe', 'jweJson', 'encryptedPem'] as const) {
      expect(await faultOf(read(material[form], {}))).toMatch(
        /^config_invalid: .*\/etc\/key.*give provisioner_password/,
      )
      expect(await faultOf(read(material[form], { password: 'wrong' }))).toMatch(
        /provisioner_password does not open it/,
      )
    }
  })

  it('under 600,000 rounds is opened, and one under three million is refused before they are spent', async () => {
    const { jwe } = await createProvisionerMaterial('p', password, { rounds: 600_000 })
    expect((await read(jwe)).algorithm).toBe('ES256')
    const [header = '', ...rest] = jwe.split('.')
    const fields = JSON.parse(Buffer.from(header, 'base64url').toString()) as object
    const dearer = Buffer.from(JSON.stringify({ ...fields, p2c: 3_000_000 })).toString('base64url')
    expect(await faultOf(read([dearer, ...rest].join('.')))).toMatch(/^config_invalid: .*more than 2000000 rounds/)
  })

  it('that is a JWE under another key management is refused', async () => {
    const { jwe } = await createProvisionerMaterial('p', password)
    const [, ...rest] = jwe.split('.')
    const header = Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM' })).toString('base64url')
    expect(await faultOf(read([header, ...rest].join('.')))).toMatch(/^config_invalid: .*no JWE that a password opens/)
  })

  it('that is public, of a useless kind, or nothing at all is refused, and never quoted', async () => {
    const { publicJwk, jwk } = await createProvisionerMaterial('p', password)
    const curve = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey
    const cases = [
      [JSON.stringify(publicJwk), /a public key is not enough/],
      [curve.export({ type: 'pkcs8', format: 'pem' }).toString(), /takes no tokens signed with a key of type ec/],
      ['-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----', /holds no private key/],
      [`${jwk}x`, /is not JSON/],
      ['', /no JWE/],
      ['{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"c2VjcmV0LWJpdHM"}', /none of JWE, JWK and PEM, or is damaged/],
    ] as const
    for (const [text, expected] of cases) {
      const sentence = await faultOf(read(text))
      expect(sentence).toMatch(expected)
      expect(sentence).not.toMatch(/c2VjcmV0|MIIB/)
    }
  })
})
