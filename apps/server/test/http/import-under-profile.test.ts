import { generateKeyPairSync } from 'node:crypto'
import type { GeneralName } from '@certctl/core'
import { generateKey, parseCertificate } from '@certctl/pki'
import { createTestCa, type SignOptions, type TestCa } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let ca: TestCa
let spki: Uint8Array
const day = 86_400_000
const issuers: string[] = []
beforeAll(async () => {
  app = await createTestApp()
  ca = await createTestCa(app.services.clock.now())
  spki = (await generateKey('EC-P256')).spki
  for (const name of ['one', 'two'])
    issuers.push(String((await app.admin('POST', '/api/v1/issuers', { name, type: 'GenericCA', config: {} })).json.id))
  const strict = {
    id: 'prof-strict',
    name: 'Strict',
    max_ttl_seconds: 90 * 86_400,
    allowed_ekus: ['serverAuth'],
    required_san_patterns: ['.*\\.example\\.test'],
    allow_wildcards: false,
    allowed_issuer_ids: [issuers[0]],
    allowed_key_custody: ['agent'],
  }
  expect(await app.admin('POST', '/api/v1/profiles', strict)).toMatchObject({ status: 201 })
})
afterAll(async () => await app.close())

const dns = (value: string): GeneralName => ({ type: 'dns', value })
let count = 0

interface Elsewhere extends SignOptions {
  names?: readonly GeneralName[]
  key?: Uint8Array
  days?: number
  issuer?: number
  profile?: string | undefined
}

async function imported({ names, key = spki, days = 90, issuer = 0, profile = 'prof-strict', ...options }: Elsewhere) {
  count += 1
  const notAfter = new Date(app.services.clock.now().getTime() + days * day)
  const certificate_pem = await ca.certify(key, {
    ...options,
    names: names ?? [dns(`h${count}.example.test`)],
    notAfter,
  })
  const body = { certificate_pem, issuer_id: issuers[issuer], name: `certificate ${count}` }
  const named = profile === '' ? {} : { certificate_profile_id: profile }
  return { certificate_pem, answer: await app.admin('POST', '/api/v1/certificates/import', { ...body, ...named }) }
}

function weakKey(): Uint8Array {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  return publicKey.export({ type: 'spki', format: 'der' })
}

const cn = (value: string) => ({ subject: [{ type: 'CN', value }] })

describe('a certificate that is imported under a profile', () => {
  it('is taken into care where it is as the profile says, whoever holds its key until then', async () => {
    const { answer, certificate_pem } = await imported({})
    const { fingerprint } = parseCertificate(certificate_pem)
    expect(answer).toMatchObject({ status: 201, json: { fingerprint_sha256: fingerprint, status: 'Active' } })
  })

  it.each<[string, () => Elsewhere, RegExp]>([
    ['weak key', () => ({ key: weakKey() }), /key/],
    ['purpose', () => ({ extendedKeyUsages: ['codeSigning'] }), /codeSigning/],
    ['name', () => ({ names: [dns('evil.test')] }), /evil\.test/],
    ['wildcard', () => ({ names: [dns('*.a.example.test')] }), /wildcard/],
    ['common name', () => ({ names: [dns('a.example.test')], ...cn('evil.test') }), /evil\.test/],
    ['life', () => ({ days: 3650 }), /3650 days.*at most 90/],
  ])('is refused with another %s, as a fault of the certificate that names the profile', async (_, make, fault) => {
    const options = make()
    const { answer } = await imported(options)
    expect(answer).toMatchObject({ status: 403, json: { errors: [{ field: 'certificate_pem' }] } })
    expect(answer.json.detail).toMatch(fault)
    expect(answer.json.detail).toMatch(/prof-strict.*under another profile, or under none/)
    expect((await imported({ ...options, profile: '' })).answer).toMatchObject({ status: 201 })
  })

  it('is refused under an issuer that the profile does not have, as a fault of that field', async () => {
    const { answer } = await imported({ issuer: 1 })
    expect(answer).toMatchObject({ status: 403, json: { errors: [{ field: 'issuer_id' }] } })
  })
})
