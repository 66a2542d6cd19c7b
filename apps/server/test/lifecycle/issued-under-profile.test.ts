import type { GeneralName } from '@certctl/core'
import { createCsr, generateKey } from '@certctl/pki'
import { createTestCa, type SignOptions, type TestCa } from '@certctl/testing'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { validateCsr } from '../../src/lifecycle/csr/validate-csr.js'
import { checkIssued, type IssuedExpectation } from '../../src/lifecycle/order/check-issued.js'
import { applyPolicy } from '../../src/lifecycle/policy/apply-policy.js'
import { defaultProfile, type Profile } from '../../src/lifecycle/policy/default-profile.js'
import { makeCsr, operator, withScene } from './scene.js'

const now = new Date('2026-11-25T12:00:00Z')
const names: readonly GeneralName[] = [{ type: 'dns', value: 'a.example' }]
const strict: Profile = {
  ...defaultProfile,
  id: 'prof-web',
  isDefault: false,
  allowedExtendedKeyUsages: ['serverAuth'],
  allowedKeyUsages: ['digitalSignature'],
  forcesMustStaple: true,
}
const kept: SignOptions = { mustStaple: true }

let ca: TestCa
let csrPem: string
beforeAll(async () => {
  ca = await createTestCa(now)
  csrPem = await createCsr({ privateKeyPem: (await generateKey('EC-P256')).privateKeyPem, names })
})

async function check(
  options: SignOptions,
  {
    profile = strict,
    honours = [],
    at = now,
    mostSeconds,
  }: { profile?: Profile; honours?: IssuedExpectation['honours']; at?: Date; mostSeconds?: number } = {},
): Promise<readonly string[]> {
  const csr = validateCsr(csrPem, { commonName: 'a.example', names, keyAlgorithm: 'EC-P256', allowsOtherKeys: false })
  const wanted = {
    commonName: 'a.example',
    names,
    subject: [],
    extendedKeyUsages: ['serverAuth'],
    mustStaple: false,
    validitySeconds: undefined,
    issuerId: 'iss-a',
    keyAlgorithm: 'EC-P256',
    custody: 'agent' as const,
  }
  const approved = applyPolicy(csr, { wanted, profile, mostSeconds, now })
  const certificatePem = await ca.sign(csrPem, { ...kept, ...options })
  return checkIssued({ certificatePem, chainPem: ca.intermediatePem }, { approved, now: at, honours }).besideProfile
}

describe('what a CA returns, held to its profile', () => {
  it('passes in silence where it keeps to it', async () => {
    expect(await check({})).toEqual([])
  })

  it.each(['codeSigning', 'emailProtection', 'anyExtendedKeyUsage', '1.2.3.4'])(
    'is refused with the purpose %s that the profile does not allow, whatever the CA promised',
    async (purpose) => {
      const extendedKeyUsages = ['serverAuth', purpose]
      await expect(check({ extendedKeyUsages })).rejects.toMatchObject({
        code: 'issued_mismatch',
        message: expect.stringContaining(purpose),
      })
      const allowing = { ...strict, allowedExtendedKeyUsages: extendedKeyUsages }
      expect(await check({ extendedKeyUsages }, { profile: allowing })).toEqual([])
    },
  )

  it('is used with a note where a private CA adds clientAuth, as its templates do, and refused of one that promised not to', async () => {
    const both = { extendedKeyUsages: ['serverAuth', 'clientAuth'] }
    expect(await check(both)).toEqual([expect.stringContaining('clientAuth')])
    await expect(check(both, { honours: ['extendedKeyUsages'] })).rejects.toThrow(/clientAuth, which profile prof-web/)
  })

  it('is used with a note without must-staple that the profile forces, and refused of one that promised it', async () => {
    expect(await check({ mustStaple: false })).toEqual([expect.stringContaining('must-staple')])
    await expect(check({ mustStaple: false }, { honours: ['mustStaple'] })).rejects.toThrow(/lacks must-staple/)
    const free = { ...strict, forcesMustStaple: false }
    expect(await check({ mustStaple: false }, { profile: free, honours: ['mustStaple'] })).toEqual([])
  })

  it('is used with a note with another key usage, or with no purpose, which is every one', async () => {
    expect(await check({ keyUsages: ['digitalSignature', 'keyEncipherment'] })).toEqual([
      expect.stringContaining('keyEncipherment'),
    ])
    expect(await check({ extendedKeyUsages: [] })).toEqual([expect.stringContaining('no extended key usage')])
  })

  it('is used with a note where it lives shorter than the profile wants, to the minute', async () => {
    // The CA dates what it signs an hour back.
    const living = (seconds: number) => ({ notAfter: new Date(now.getTime() + (seconds - 3600) * 1000) })
    const profile = { ...strict, minTtlSeconds: 80 * 86_400 }
    expect(await check(living(86_400), { profile })).toEqual(['it lives 86400 s, and at least 6912000 s are wanted'])
    expect(await check(living(80 * 86_400 - 60), { profile })).toEqual([])
    expect(await check(living(80 * 86_400 - 61), { profile })).toHaveLength(1)
    // What an enforced rule had it asked for is no fault of the CA.
    const mostSeconds = 30 * 86_400
    expect(await check(living(mostSeconds), { profile, mostSeconds })).toEqual([])
    expect(await check(living(86_400), { profile, mostSeconds })).toHaveLength(1)
    const brief = { ...strict, allowsShortLived: false }
    const at = new Date(now.getTime() - 3_000_000)
    expect(await check(living(3539), { profile: brief, at })).toEqual([
      'it lives 3539 s, which is less than an hour, and allow_short_lived is not set',
    ])
    expect(await check(living(3540), { profile: brief, at })).toEqual([])
    expect(await check(living(3539), { at })).toEqual([])
  })

  it('may be anything of this where no profile was named', async () => {
    const odd = { extendedKeyUsages: ['codeSigning'], keyUsages: ['dataEncipherment'], mustStaple: false }
    const honours = ['extendedKeyUsages', 'mustStaple'] as const
    expect(await check(odd, { profile: defaultProfile, honours })).toEqual([])
  })

  it('is told of where it is used although it is not as its profile says, and refused where it must not be', async () => {
    await withScene({}, async (scene) => {
      const { services, ca: fake } = scene
      const id = 'prof-made'
      const columns = { id, name: id, must_staple: true, allowed_ekus: ['serverAuth'] }
      await services.store.transaction(
        async (tx) => await tx.profiles.insert({ ...columns, created_at: tx.now, updated_at: tx.now }),
      )
      const asked = async (name: string, certificateProfileId?: string) => {
        const csrPem = await makeCsr({ common_name: name, names: [{ type: 'dns', value: name }] })
        const { id: certificateId } = await scene.request({ csrPem, certificateProfileId })
        await scene.work()
        const { rows } = await services.store.events.page({ certificateId }, { limit: 20, count: false })
        const current = await services.store.versions.listCurrent(certificateId)
        return { told: rows.filter(({ type }) => type === 'certificate.beside_profile'), current }
      }
      const first = await asked('a.example', id)
      expect(first.current).toHaveLength(1)
      expect(first.told).toMatchObject([
        { severity: 'warning', title: expect.stringMatching(/prof-made.*must-staple/) },
      ])
      const [certificate] = first.current
      const renewed = async (mustStaple: boolean) => {
        fake.answer = async (request) => ({
          status: 'valid',
          certificatePem: await fake.ca.sign(request.csrPem, { mustStaple }),
          chainPem: fake.ca.intermediatePem,
        })
        const certificateId = certificate?.certificate_id ?? ''
        await renewCertificate(services, { certificateId, actor: operator, force: true })
        await scene.work()
        const { rows } = await services.store.events.page({ certificateId }, { limit: 20, count: false })
        const isOpen = await services.store.events.isOpen(`beside-profile:${certificate?.holder_id}:warning`)
        return { told: rows.filter(({ type }) => type === 'certificate.beside_profile').length, isOpen }
      }
      expect(await renewed(false)).toEqual({ told: 1, isOpen: true })
      expect(await renewed(true)).toEqual({ told: 1, isOpen: false })
      expect(await asked('b.example')).toMatchObject({ told: [], current: [{}] })
      fake.answer = async (request) => {
        const certificatePem = await fake.ca.sign(request.csrPem, { extendedKeyUsages: ['codeSigning'] })
        return { status: 'valid', certificatePem, chainPem: fake.ca.intermediatePem }
      }
      expect(await asked('c.example', id)).toMatchObject({ told: [], current: [] })
      expect(await asked('d.example')).toMatchObject({ told: [], current: [{}] })
    })
  })
})
