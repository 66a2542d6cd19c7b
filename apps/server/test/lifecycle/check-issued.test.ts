import type { GeneralName } from '@certctl/core'
import { createCsr, generateKey } from '@certctl/pki'
import { createTestCa, type SignOptions, type TestCa } from '@certctl/testing'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { validateCsr } from '../../src/lifecycle/csr/validate-csr.js'
import { checkIssued, type IssuedExpectation } from '../../src/lifecycle/order/check-issued.js'
import { type ApprovedRequest, applyPolicy } from '../../src/lifecycle/policy/apply-policy.js'
import { defaultProfile, type Profile } from '../../src/lifecycle/policy/default-profile.js'

const now = new Date('2026-11-25T12:00:00Z')
const days = (count: number) => new Date(now.getTime() + count * 86_400_000)
const names: readonly GeneralName[] = [{ type: 'dns', value: 'a.example' }]
let ca: TestCa
let csrPem: string
let approved: ApprovedRequest

beforeAll(async () => {
  ca = await createTestCa(now)
  csrPem = await createCsr({ privateKeyPem: (await generateKey('EC-P256')).privateKeyPem, names })
  approved = approve({})
})

function approve(profile: Partial<Profile>, validitySeconds?: number): ApprovedRequest {
  const csr = validateCsr(csrPem, { commonName: 'a.example', names, keyAlgorithm: 'EC-P256', allowsOtherKeys: false })
  const wanted = {
    commonName: 'a.example',
    names,
    subject: [],
    extendedKeyUsages: ['serverAuth'],
    mustStaple: false,
    validitySeconds,
    issuerId: 'iss-a',
    keyAlgorithm: 'EC-P256',
    custody: 'agent' as const,
  }
  return applyPolicy(csr, { wanted, profile: { ...defaultProfile, ...profile }, now })
}

async function check(
  options: SignOptions = {},
  expected: Partial<IssuedExpectation> = {},
  chainPem = ca.intermediatePem,
) {
  const certificatePem = await ca.sign(csrPem, options)
  return checkIssued({ certificatePem, chainPem }, { approved, now, honours: [], ...expected })
}

describe('what a CA returns', () => {
  it('passes with the key, the names and a chain', async () => {
    const { certificate, chainPem, differences } = await check()
    expect(certificate.names).toEqual(names)
    expect(chainPem).toBe(ca.intermediatePem)
    expect(differences).toEqual([])
  })

  it('is refused with another key than the CSR has', async () => {
    const other = await createCsr({ privateKeyPem: (await generateKey('EC-P256')).privateKeyPem, names })
    const certificatePem = await ca.sign(other)
    expect(() => checkIssued({ certificatePem, chainPem: ca.intermediatePem }, { approved, now, honours: [] })).toThrow(
      expect.objectContaining({ code: 'issued_mismatch', message: expect.stringContaining('another key') }),
    )
  })

  it('is refused with a name more or a name less, which is named', async () => {
    const more = [...names, { type: 'dns' as const, value: 'www.a.example' }]
    await expect(check({ names: more })).rejects.toThrow(/www\.a\.example/)
    await expect(check({ names: [{ type: 'dns', value: 'b.example' }] })).rejects.toThrow(/b\.example/)
    await expect(check({ names: [{ type: 'ip', value: '192.0.2.1' }, ...names] })).rejects.toThrow(/192\.0\.2\.1/)
  })

  it('is refused with a common name that was not asked for', async () => {
    await expect(check({ names, subject: [{ type: 'CN', value: 'other.example' }] })).rejects.toThrow(/other\.example/)
  })

  it('is refused with any name in its subject that was not asked for, wherever it stands', async () => {
    const own = { type: 'CN', value: 'A.example' }
    const approved = approve({ isDefault: false })
    for (const part of [
      { type: 'CN', value: 'evil.test' },
      { type: 'emailAddress', value: 'ceo@evil.test' },
    ])
      for (const subject of [
        [part, own],
        [own, part],
      ])
        await expect(check({ names, subject }, { approved })).rejects.toThrow(
          new RegExp(`${part.value}, which was not asked for`),
        )
    await expect(
      check({ names, subject: [{ type: 'O', value: 'Of the CA' }, own, own] }, { approved }),
    ).resolves.toBeDefined()
    const mailbox = { type: 'emailAddress', value: 'ceo@evil.test' }
    await expect(check({ names, subject: [mailbox, own] })).resolves.toBeDefined()
  })

  it('is refused when it has ended, or begins in the future', async () => {
    await expect(check({}, { now: days(91) })).rejects.toThrow(/ended/)
    await expect(check({}, { now: days(-1) })).rejects.toThrow(/begins/)
  })

  it('is refused when it ends later than the profile allows, whatever the CA promised', async () => {
    await expect(check({}, { approved: approve({ maxTtlSeconds: 86_400 }) })).rejects.toThrow(/later than/)
  })

  it('is refused when it ends later than asked of a CA that obeys, and noted of one that does not', async () => {
    const asked = approve({}, 86_400)
    await expect(check({}, { approved: asked, honours: ['notAfter'] })).rejects.toThrow(/later than/)
    const { differences } = await check({}, { approved: asked })
    expect(differences).toHaveLength(1)
  })

  it('may last as long as is allowed from the answer on, since another turn may have asked after this one', async () => {
    const late = { approved: approve({ maxTtlSeconds: 86_400 }), now: new Date(now.getTime() + 600_000) }
    const notAfter = new Date(days(1).getTime() + 600_000)
    await expect(check({ notAfter }, late)).resolves.toMatchObject({ differences: [] })
    const longer = new Date(notAfter.getTime() + 61_000)
    await expect(check({ notAfter: longer }, late)).rejects.toThrow(/later than/)
    const hoursLater = { ...late, now: new Date(now.getTime() + 6 * 3_600_000) }
    await expect(check({ notAfter: longer }, hoursLater)).rejects.toThrow(/later than/)
  })

  it('may end a minute later than asked: CAs round up', async () => {
    const asked = approve({}, 86_400)
    const notAfter = new Date(days(1).getTime() + 59_000)
    await expect(check({ notAfter }, { approved: asked, honours: ['notAfter'] })).resolves.toBeDefined()
  })

  it('is refused without the certificate of the CA that signed it, and passes where that is known', async () => {
    await expect(check({}, {}, '')).rejects.toThrow(/chain/)
    await expect(check({}, {}, ca.rootPem)).rejects.toThrow(/chain/)
    const { chainPem } = await check({}, { anchors: [ca.rootPem, ca.intermediatePem] }, '')
    expect(chainPem).toBe(ca.intermediatePem)
  })

  it('gets its chain in order, without root and strangers, however the CA sent it', async () => {
    const stranger = await createTestCa(now)
    const { chainPem } = await check({}, {}, ca.rootPem + stranger.rootPem + ca.intermediatePem)
    expect(chainPem).toBe(ca.intermediatePem)
  })

  it('is refused when it is no certificate', () => {
    expect(() => checkIssued({ certificatePem: 'sorry', chainPem: '' }, { approved, now, honours: [] })).toThrow(
      expect.objectContaining({ code: 'issued_mismatch' }),
    )
  })

  it('is used, with a note, when it lacks a usage that was wished', async () => {
    const { differences } = await check({ extendedKeyUsages: ['clientAuth'] })
    expect(differences.join()).toContain('serverAuth')
  })
})
