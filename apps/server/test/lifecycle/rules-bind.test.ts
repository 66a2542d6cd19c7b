import { describe, expect, it } from '@jest/globals'
import { createNoun } from '../../src/inventory/nouns/create-noun.js'
import { profileNoun } from '../../src/inventory/nouns/profile-noun.js'
import { type CertificateChanges, changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { longestLife } from '../../src/lifecycle/policy/longest-life.js'
import { makeCsr, operator, type Scene, withScene } from './scene.js'

const dayMs = 86_400_000
const names = [{ type: 'dns' as const, value: 'www.example.test' }]

const csrFor = async (commonName?: string) => await makeCsr({ names, common_name: commonName ?? '', key: 'EC-P256' })

async function rule(
  scene: Scene,
  { type, config, mode = 'enforce' }: { type: string; config: object; mode?: 'enforce' | 'warn' },
) {
  await scene.services.store.transaction(async (tx) => {
    const at = { created_at: tx.now, updated_at: tx.now }
    await tx.policyRules.insert({ id: `rule-${type}`, name: type, type, config: JSON.stringify(config), mode, ...at })
  })
}

describe('the longest life that rules allow', () => {
  const lifetime = (days: unknown, mode: 'enforce' | 'warn' = 'enforce') => ({
    type: 'CertificateLifetime',
    config: { max_days: days },
    mode,
  })

  it('is the shortest of those that are enforced', () => {
    expect(longestLife([lifetime(90), lifetime(30), lifetime(7, 'warn')])).toBe(30 * 86_400)
  })

  it('is none where no rule about it is enforced', () => {
    expect(longestLife([])).toBeUndefined()
    expect(longestLife([lifetime(7, 'warn'), { ...lifetime(7), type: 'RenewalLeadTime' }])).toBeUndefined()
    expect(longestLife([lifetime('7'), lifetime(0), lifetime(Number.NaN)])).toBeUndefined()
  })
})

describe('an enforced rule about lifetimes', () => {
  it('caps what the CA is asked for where nobody asked for a validity', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      await rule(scene, { type: 'CertificateLifetime', config: { max_days: 30 } })
      await scene.request({ csrPem: await csrFor() })
      await scene.work()
      // CAs begin up to an hour before now, which counts.
      const end = scene.services.clock.now().getTime() + 30 * dayMs - 3_600_000
      expect(scene.ca.asked[0]?.notAfter?.getTime()).toBe(end)
    })
  })

  it('does not use what a CA gave for longer', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      await rule(scene, { type: 'CertificateLifetime', config: { max_days: 30 } })
      const { id } = await scene.request({ csrPem: await csrFor() })
      scene.ca.answer = async ({ notAfter: _, ...request }) => await scene.ca.sign(request)
      await scene.work()
      const [holder] = await scene.services.store.holders.listOfCertificate(id)
      expect(holder).toMatchObject({ current_version_id: null, last_error_code: 'issued_mismatch' })
    })
  })

  it('binds nothing while it only warns', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      await rule(scene, { type: 'CertificateLifetime', config: { max_days: 30 }, mode: 'warn' })
      const { id } = await scene.request({ csrPem: await csrFor() })
      await scene.work()
      expect(scene.ca.asked[0]?.notAfter).toBeUndefined()
      expect(await scene.services.store.versions.listCurrent(id)).toHaveLength(1)
    })
  })
})

describe('a rule about lead times', () => {
  it('judges a certificate without a policy by the policy that holds for it', async () => {
    await withScene({}, async (scene) => {
      await rule(scene, { type: 'RenewalLeadTime', config: { lead_time_days: 30 } })
      await scene.request({ name: 'before', csrPem: await csrFor() })
      await scene.services.store.transaction(
        async (tx) =>
          await tx.renewalPolicies.insert({
            id: 'rp-default',
            name: 'Default',
            renewal_window_days: 7,
            created_at: tx.now,
            updated_at: tx.now,
          }),
      )
      await expect(scene.request({ name: 'after', csrPem: await csrFor() })).rejects.toMatchObject({
        code: 'policy_denied',
        errors: [{ field: 'renewal_policy_id', message: expect.stringContaining('7 days') }],
      })
    })
  })
})

describe('what an enforced rule denied', () => {
  const denied = async (scene: Scene): Promise<string> => {
    const { id } = await scene.request({ csrPem: await csrFor() })
    await rule(scene, { type: 'AllowedEnvironments', config: { allowed: ['production'] } })
    await scene.work()
    const [holder] = await scene.services.store.holders.listOfCertificate(id)
    expect(holder?.blocked_code).toBe('policy_denied')
    return id
  }
  const change = async ({ services }: Scene, changes: Omit<CertificateChanges, 'actor' | 'check'>) =>
    await changeCertificate(services, { actor: operator, check: async () => undefined, ...changes })

  it('is issued once the certificate is changed as the rule says', async () => {
    await withScene({}, async (scene) => {
      const certificateId = await denied(scene)
      await change(scene, { certificateId, environment: 'production' })
      await scene.work()
      expect(await scene.services.store.versions.listCurrent(certificateId)).toHaveLength(1)
    })
  })

  it('stays denied while only what no rule sees is changed', async () => {
    await withScene({}, async (scene) => {
      const certificateId = await denied(scene)
      await scene.services.store.transaction(async (tx) => await tx.policyRules.remove('rule-AllowedEnvironments'))
      await change(scene, { certificateId, name: 'another' })
      expect(await scene.services.store.jobs.listOpenOfCertificate(certificateId, 'issue')).toEqual([])
    })
  })
})

describe('a common name of free text in a CSR', () => {
  it('is refused where an enforced rule names the domains', async () => {
    await withScene({}, async (scene) => {
      await scene.request({ name: 'before', csrPem: await csrFor('admin of evil.test') })
      await rule(scene, { type: 'AllowedDomains', config: { allowed_domains: ['*.example.test'] } })
      await expect(scene.request({ name: 'free', csrPem: await csrFor('admin of evil.test') })).rejects.toMatchObject({
        code: 'policy_denied',
        message: expect.stringContaining('common name'),
      })
      await scene.request({ name: 'one of them', csrPem: await csrFor('www.example.test') })
    })
  })

  it('is refused where the profile has patterns for names', async () => {
    await withScene({}, async (scene) => {
      await scene.services.store.transaction(
        async (tx) =>
          await tx.profiles.insert({
            id: 'prof-cn',
            name: 'prof-cn',
            required_san_patterns: ['*.example.test'],
            created_at: tx.now,
            updated_at: tx.now,
          }),
      )
      const request = { actor: operator, certificateProfileId: 'prof-cn' }
      await expect(
        scene.request({ ...request, name: 'free', csrPem: await csrFor('admin of evil.test') }),
      ).rejects.toMatchObject({ code: 'policy_denied', errors: [expect.objectContaining({ field: 'common_name' })] })
      await scene.request({ ...request, name: 'one', csrPem: await csrFor('www.example.test') })
    })
  })
})

describe('a profile with a pattern that is too large', () => {
  it('is not created, and the refusal names the pattern', async () => {
    await withScene({}, async ({ services }) => {
      const fields = { required_san_patterns: ['.*', '(a{64}){64}'] }
      await expect(
        createNoun(services, profileNoun, { id: 'prof-large', name: 'large', fields, actor: operator }),
      ).rejects.toMatchObject({
        code: 'request_malformed',
        message: expect.stringMatching(/required_san_patterns\.1.*more than 512 instructions/),
      })
    })
  })
})
