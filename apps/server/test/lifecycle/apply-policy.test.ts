import { createCsr, generateKey } from '@certctl/pki'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { type ValidCsr, validateCsr } from '../../src/lifecycle/csr/validate-csr.js'
import { applyPolicy } from '../../src/lifecycle/policy/apply-policy.js'
import { defaultProfile } from '../../src/lifecycle/policy/default-profile.js'
import type { WantedCertificate } from '../../src/lifecycle/policy/require-allowed.js'

const now = new Date('2026-11-25T12:00:00Z')
const names = [{ type: 'dns' as const, value: 'a.example' }]
const wanted: WantedCertificate = {
  commonName: 'a.example',
  names,
  subject: [],
  extendedKeyUsages: ['serverAuth'],
  mustStaple: false,
  validitySeconds: undefined,
  issuerId: 'iss-a',
  keyAlgorithm: 'EC-P256',
  custody: 'agent',
}
let csr: ValidCsr
let key: string

const valid = async (more: { extendedKeyUsages?: readonly string[] } = {}): Promise<ValidCsr> => {
  const pem = await createCsr({ privateKeyPem: key, names, ...more })
  return validateCsr(pem, { commonName: undefined, names, keyAlgorithm: 'EC-P256', allowsOtherKeys: false })
}

beforeAll(async () => {
  key = (await generateKey('EC-P256')).privateKeyPem
  csr = await valid()
})

describe('policy', () => {
  it('approves what the certificate wants, not what the CSR would like', async () => {
    const asking = await valid({ extendedKeyUsages: ['clientAuth'] })
    const approved = applyPolicy(asking, { wanted, profile: defaultProfile, now })
    expect(approved).toMatchObject({
      names,
      extendedKeyUsages: ['serverAuth'],
      notAfter: undefined,
      latestEnd: undefined,
    })
  })

  it('denies an extended key usage the profile does not have, from either side, and names it', async () => {
    const asking = await valid({ extendedKeyUsages: ['codeSigning'] })
    expect(() => applyPolicy(asking, { wanted, profile: defaultProfile, now })).toThrow(/codeSigning/)
    const signer = { ...wanted, extendedKeyUsages: ['codeSigning'] }
    expect(() => applyPolicy(csr, { wanted: signer, profile: defaultProfile, now })).toThrow(/codeSigning/)
  })

  it('denies a CSR that asks to be a CA', () => {
    const asking = { ...csr, requested: { ...csr.requested, isCa: true } }
    expect(() => applyPolicy(asking, { wanted, profile: defaultProfile, now })).toThrow(/CA/)
  })

  it('asks for the shorter of what is wanted and what the profile allows, and refuses only beyond the latter', () => {
    const profile = { ...defaultProfile, maxTtlSeconds: 86_400 }
    const short = applyPolicy(csr, { wanted: { ...wanted, validitySeconds: 3600 }, profile, now })
    expect(short.notAfter).toEqual(new Date('2026-11-25T13:00:00Z'))
    expect(short.latestEnd).toEqual(new Date('2026-11-26T12:00:00Z'))
    const long = applyPolicy(csr, { wanted: { ...wanted, validitySeconds: 864_000 }, profile, now })
    expect(long.notAfter).toEqual(long.latestEnd)
  })

  it('asks for less than enforced rules allow, by what CAs backdate, and refuses beyond that, whatever the profile allows', () => {
    const most = new Date('2026-11-26T12:00:00Z')
    const end = new Date('2026-11-26T11:00:00Z')
    for (const maxTtlSeconds of [undefined, 864_000])
      for (const validitySeconds of [undefined, 432_000]) {
        const profile = { ...defaultProfile, maxTtlSeconds }
        const asked = { wanted: { ...wanted, validitySeconds }, profile, mostSeconds: 86_400, now }
        expect(applyPolicy(csr, asked)).toMatchObject({ notAfter: end, latestEnd: most })
      }
    const tighter = { ...defaultProfile, maxTtlSeconds: 3600 }
    const { latestEnd } = applyPolicy(csr, { wanted, profile: tighter, mostSeconds: 86_400, now })
    expect(latestEnd).toEqual(new Date('2026-11-25T13:00:00Z'))
  })

  it('asks for must-staple where the profile forces it, whatever the certificate wants', () => {
    const profile = { ...defaultProfile, forcesMustStaple: true }
    expect(applyPolicy(csr, { wanted, profile, now }).mustStaple).toBe(true)
    expect(applyPolicy(csr, { wanted, profile: defaultProfile, now }).mustStaple).toBe(false)
  })

  it('denies the key of a CSR that is smaller than the profile has, although the certificate asks for a larger one', () => {
    const profile = { ...defaultProfile, allowedKeyAlgorithms: [{ algorithm: 'ECDSA' as const, min_size: 384 }] }
    const larger = { ...wanted, keyAlgorithm: 'EC-P384' }
    expect(() => applyPolicy(csr, { wanted: larger, profile, now })).toThrow(
      /csr_pem: its key is EC-P256.*make another/,
    )
  })

  it('denies a key usage of a CSR that the profile does not have', () => {
    const asking = { ...csr, requested: { ...csr.requested, keyUsages: ['digitalSignature', 'dataEncipherment'] } }
    const profile = { ...defaultProfile, allowedKeyUsages: ['digitalSignature'] }
    expect(() => applyPolicy(asking, { wanted, profile, now })).toThrow(/dataEncipherment.*it allows digitalSignature/)
    expect(applyPolicy(asking, { wanted, profile: defaultProfile, now }).csr).toBe(asking)
  })

  it.each([
    ['challengePassword', ['1.2.840.113549.1.9.7'], []],
    ['1.2.840.113549.1.9.7', ['1.2.840.113549.1.9.7'], []],
    ['serialNumber', [], [{ type: 'serialNumber', value: '4711' }]],
  ])('denies a CSR without the attribute %s that the profile requires', (attribute, attributes, subject) => {
    const profile = { ...defaultProfile, requiredCsrAttributes: [attribute] }
    const without = { ...csr, attributes: ['1.2.840.113549.1.9.14'], subject: [] }
    const outside = { ...wanted, custody: 'outside' as const }
    expect(() => applyPolicy(without, { wanted: outside, profile, now })).toThrow(
      new RegExp(`without the attribute ${attribute}`),
    )
    const having = { ...csr, attributes, subject }
    expect(applyPolicy(having, { wanted: outside, profile, now }).csr).toBe(having)
    // Agents write none, so that such a profile would have nothing from them.
    expect(applyPolicy(without, { wanted, profile, now }).csr).toBe(without)
  })

  it('holds what is wanted to the profile even where the CSR asks for nothing', () => {
    const profile = { ...defaultProfile, allowedIssuerIds: ['iss-b'] }
    expect(() => applyPolicy(csr, { wanted, profile, now })).toThrow(
      /issuer_id: iss-a is not allowed by profile default/,
    )
  })
})
