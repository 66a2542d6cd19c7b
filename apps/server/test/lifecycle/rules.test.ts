import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { deleteNoun } from '../../src/inventory/nouns/delete-noun.js'
import { policyNoun } from '../../src/inventory/nouns/policy-noun.js'
import { archiveCertificate } from '../../src/lifecycle/asking/archive-certificate.js'
import { type CertificateChanges, changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { policySweeps } from '../../src/schedule/policy-sweeps.js'
import type { PolicyRuleRow } from '../../src/store/policy-rules.js'
import { createScene, makeCsr, operator, type Scene } from './scene.js'

const never = new AbortController().signal
const names = [{ type: 'dns' as const, value: 'www.example.test' }]
const csrFor = async () => await makeCsr({ names, common_name: 'www.example.test', key: 'EC-P256' })

let scene: Scene
let counter = 0
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => await scene.close())

type RuleInput = Partial<Pick<PolicyRuleRow, 'severity' | 'mode'>> & { type: string; config: object }

/** Rules judge all certificates there are: each story ends with its own switched off. */
async function withRule(input: RuleInput, story: (ruleId: string) => Promise<void>): Promise<void> {
  const id = `rule-${++counter}`
  const { config, ...more } = input
  await scene.services.store.transaction(
    async (tx) =>
      await tx.policyRules.insert({
        id,
        name: id,
        config: JSON.stringify(config),
        created_at: tx.now,
        updated_at: tx.now,
        ...more,
      }),
  )
  try {
    await story(id)
  } finally {
    await change(id, { enabled: false })
  }
}

async function change(id: string, changes: Record<string, unknown>): Promise<void> {
  scene.services.clock.advance(1)
  await scene.services.store.transaction(
    async (tx) => await tx.policyRules.update(id, { ...changes, updated_at: tx.now }),
  )
}

const sweep = async () => await policySweeps.run(scene.services, never)

async function certificate(more: object = {}): Promise<string> {
  const name = `certificate ${++counter}`
  return (await scene.request({ name, csrPem: await csrFor(), environment: 'production', ...more })).id
}

async function update(id: string, more: Partial<CertificateChanges>): Promise<void> {
  await changeCertificate(scene.services, { certificateId: id, actor: operator, check: async () => undefined, ...more })
}

async function violationsOf(id: string): Promise<string[]> {
  const rows = await scene.services.store.policyViolations.listOpenOfCertificate(id)
  return rows.map(({ rule_id: rule, message }) => `${rule}: ${message}`)
}

async function openAlertsOf(id: string): Promise<(string | null)[]> {
  const { rows } = await scene.services.store.events.page({ certificateId: id }, { limit: 100, count: false })
  return rows.filter(({ alert_key, resolved_at }) => alert_key !== null && resolved_at === null).map(({ type }) => type)
}

async function eventsOf(id: string): Promise<string[]> {
  const { rows } = await scene.services.store.events.page({ certificateId: id }, { limit: 100, count: false })
  return rows.map(({ type }) => type)
}

const production = { type: 'AllowedEnvironments', config: { allowed: ['production'] } }

describe('a rule that warns', () => {
  it('is written down with the certificate that violates it, and told of once', async () => {
    await withRule(production, async (rule) => {
      const id = await certificate({ environment: 'test' })
      expect(await violationsOf(id)).toEqual([
        `${rule}: ${'The environment test is not among the allowed ones: production'}`,
      ])
      await scene.work()
      await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true })
      await scene.work()
      expect(await violationsOf(id)).toHaveLength(1)
      expect((await eventsOf(id)).filter((type) => type === 'policy.violated')).toHaveLength(1)
    })
  })

  it('is violated no more as soon as the certificate is changed', async () => {
    await withRule(production, async () => {
      const id = await certificate({ environment: 'test' })
      await update(id, { environment: 'production' })
      expect(await violationsOf(id)).toEqual([])
      expect(await eventsOf(id)).toContain('policy.satisfied')
      await update(id, { environment: 'test' })
      expect(await violationsOf(id)).toHaveLength(1)
    })
  })

  it('judges what the CA gave as soon as it is here', async () => {
    await withRule({ type: 'CertificateLifetime', config: { max_days: 30 }, severity: 'Critical' }, async (rule) => {
      const id = await certificate()
      expect(await violationsOf(id)).toEqual([])
      await scene.work()
      expect((await violationsOf(id))[0]).toContain(`${rule}: It lives`)
    })
  })

  it('is violated by nothing that was archived', async () => {
    await withRule(production, async () => {
      const id = await certificate({ environment: 'test' })
      await archiveCertificate(scene.services, { certificateId: id, actor: operator })
      expect(await violationsOf(id)).toEqual([])
      expect(await openAlertsOf(id)).toEqual([])
    })
  })
})

describe('a rule that is enforced', () => {
  it('refuses a new certificate, naming the rule, the field and what is wrong', async () => {
    await withRule({ ...production, mode: 'enforce' }, async (rule) => {
      await expect(certificate({ environment: 'test' })).rejects.toMatchObject({
        code: 'policy_denied',
        message: expect.stringContaining(rule),
        errors: [{ field: 'environment', message: expect.stringContaining('production') }],
      })
    })
  })

  it('refuses a change, and what was there stays', async () => {
    await withRule({ ...production, mode: 'enforce' }, async () => {
      const id = await certificate()
      await expect(update(id, { environment: 'test' })).rejects.toMatchObject({ code: 'policy_denied' })
      expect((await scene.services.store.certificates.get(id))?.environment).toBe('production')
      expect(await violationsOf(id)).toEqual([])
    })
  })

  it('that comes later stops the next issuance, with an alert and before the CA is asked', async () => {
    const id = await certificate({ environment: 'test' })
    await scene.work()
    const asked = scene.ca.asked.length
    await withRule({ ...production, mode: 'enforce' }, async (rule) => {
      await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
      await scene.work()
      expect(scene.ca.asked).toHaveLength(asked)
      const [holder] = await scene.services.store.holders.listOfCertificate(id)
      expect(holder).toMatchObject({ blocked_code: 'policy_denied', last_error: expect.stringContaining(rule) })
      expect(await eventsOf(id)).toContain('certificate.issuance_blocked')
      expect(await violationsOf(id)).toHaveLength(1)
    })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await scene.work()
    expect(scene.ca.asked).toHaveLength(asked + 1)
  })

  it('does not stop the renewal that alone can put right what is served today', async () => {
    const id = await certificate()
    await scene.work()
    const asked = scene.ca.asked.length
    await withRule({ type: 'CertificateLifetime', config: { max_days: 30 }, mode: 'enforce' }, async () => {
      await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
      await scene.work()
      expect(scene.ca.asked).toHaveLength(asked + 1)
      expect(await violationsOf(id)).toHaveLength(1)
    })
  })
})

describe('a rule that is new or was changed', () => {
  it('judges the certificates that are there, and says how many violate it', async () => {
    const good = await certificate()
    const bad = await certificate({ environment: 'test' })
    await withRule(production, async (rule) => {
      expect(await violationsOf(bad)).toEqual([])
      await sweep()
      expect(await violationsOf(bad)).toHaveLength(1)
      expect(await violationsOf(good)).toEqual([])
      const { rows } = await scene.services.store.events.page({}, { limit: 500, count: false })
      expect(rows.filter(({ type, title }) => type === 'policy.applied' && title.includes(rule))).toHaveLength(1)
      await sweep()
      expect(await scene.services.store.policySweeps.listDue(10)).toEqual([])

      await change(rule, { config: JSON.stringify({ allowed: ['test'] }) })
      await sweep()
      expect(await violationsOf(bad)).toEqual([])
      expect(await violationsOf(good)).toHaveLength(1)

      await change(rule, { enabled: false })
      await sweep()
      expect(await violationsOf(good)).toEqual([])
    })
  })

  it('takes back what was told of a certificate when it is switched off or removed', async () => {
    for (const end of [
      async (rule: string) => {
        await change(rule, { enabled: false })
        await sweep()
      },
      async (id: string) => await deleteNoun(scene.services, policyNoun, { id, actor: operator }),
    ])
      await withRule(production, async (rule) => {
        const id = await certificate({ environment: 'test' })
        expect(await openAlertsOf(id)).toEqual(['policy.violated'])
        await end(rule)
        expect(await openAlertsOf(id)).toEqual([])
      })
  })

  it('goes on where it stopped, and begins anew when it changes meanwhile', async () => {
    await withRule(production, async (rule) => {
      const { policySweeps } = scene.services.store
      const first = { rule_id: rule, rule_updated_at: scene.services.clock.now(), swept_to: '' }
      await policySweeps.begin(first)
      expect(await policySweeps.advance(first, { swept_to: 'zzz' })).toBe(true)
      // Another copy, which listed it before.
      await policySweeps.begin(first)
      expect(await policySweeps.advance(first, { swept_to: 'a' })).toBe(false)
      const due = await policySweeps.listDue(10)
      expect(due.find(({ rule_id: id }) => id === rule)?.swept_to).toBe('zzz')
      await change(rule, { config: JSON.stringify({ allowed: ['production', 'test'] }) })
      const again = await policySweeps.listDue(10)
      expect(again.find(({ rule_id: id }) => id === rule)?.swept_to).toBe('')
    })
  })

  it('takes its violations with it when it is removed', async () => {
    const id = await certificate({ environment: 'test' })
    await withRule(production, async (rule) => {
      await sweep()
      expect(await violationsOf(id)).toHaveLength(1)
      await scene.services.store.transaction(async (tx) => await tx.policyRules.remove(rule))
      expect(await violationsOf(id)).toEqual([])
    })
  })
})

describe('a profile', () => {
  const profile = async (id: string, more: object = {}) =>
    await scene.services.store.transaction(
      async (tx) => await tx.profiles.insert({ id, name: id, created_at: tx.now, updated_at: tx.now, ...more }),
    )

  it('that was tightened stops the next issuance with an alert, before the CA is asked', async () => {
    await profile('prof-tight')
    const id = await certificate({ certificateProfileId: 'prof-tight' })
    await scene.work()
    const asked = scene.ca.asked.length
    await scene.services.store.transaction(
      async (tx) => await tx.profiles.update('prof-tight', { required_san_patterns: ['*.other.test'] }),
    )
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await scene.work()
    expect(scene.ca.asked).toHaveLength(asked)
    const [holder] = await scene.services.store.holders.listOfCertificate(id)
    expect(holder).toMatchObject({ blocked_code: 'policy_denied', last_error: expect.stringContaining('prof-tight') })
    expect(await eventsOf(id)).toContain('certificate.issuance_blocked')
  })

  it('refuses what is asked for at creation and at a change, and lets what it does not mind be changed', async () => {
    await profile('prof-mine', { required_san_patterns: ['*.example.test'], allowed_key_custody: ['outside'] })
    const id = await certificate({ certificateProfileId: 'prof-mine' })
    await expect(update(id, { sans: ['dns:www.evil.test'] })).rejects.toMatchObject({ code: 'policy_denied' })
    await expect(
      certificate({ certificateProfileId: 'prof-mine', commonName: 'www.evil.test', csrPem: undefined }),
    ).rejects.toMatchObject({ code: 'policy_denied' })
    await scene.agent('agent-mine')
    await scene.target('target-mine', 'agent-mine')
    await expect(update(id, { targetIds: ['target-mine'] })).rejects.toMatchObject({
      code: 'policy_denied',
      message: expect.stringContaining('target_ids'),
    })
    await scene.services.store.transaction(async (tx) => await tx.profiles.update('prof-mine', { enabled: false }))
    await update(id, { tags: { note: 'still mine' } })
  })

  it('that wants a new key each time does not renew from the stored CSR, and asks for one', async () => {
    await profile('prof-fresh', { allow_key_reuse: false })
    const csrPem = await csrFor()
    const id = await certificate({ certificateProfileId: 'prof-fresh', csrPem })
    await scene.work()
    const asked = scene.ca.asked.length
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false }).catch(() => undefined)
    await scene.work()
    expect(scene.ca.asked).toHaveLength(asked)
  })

  it('chooses the key and the usages that it allows where nobody asked for others', async () => {
    await profile('prof-rsa', {
      allowed_key_algorithms: JSON.stringify([{ algorithm: 'RSA', min_size: 3072 }]),
      allowed_ekus: ['clientAuth'],
    })
    const { id } = await scene.request({
      name: 'rsa',
      commonName: 'rsa.example.test',
      certificateProfileId: 'prof-rsa',
    })
    const row = await scene.services.store.certificates.get(id)
    expect(row).toMatchObject({ key_algorithm: 'RSA-3072', extended_key_usages: ['clientAuth'] })
  })
})
