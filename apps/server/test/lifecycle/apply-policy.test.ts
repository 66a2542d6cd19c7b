import { createCsr, generateKey } from '@certctl/pki'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { applyPolicy, type WantedCertificate } from '../../src/lifecycle/apply-policy.js'
import { defaultProfile } from '../../src/lifecycle/default-profile.js'
import { type ValidCsr, validateCsr } from '../../src/lifecycle/validate-csr.js'

const now = new Date('2026-11-25T12:00:00Z')
const names = [{ type: 'dns' as const, value: 'a.example' }]
const wanted: WantedCertificate = {
  commonName: 'a.example',
  names,
  subject: [],
  extendedKeyUsages: ['serverAuth'],
  mustStaple: false,
  validitySeconds: undefined,
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
})
