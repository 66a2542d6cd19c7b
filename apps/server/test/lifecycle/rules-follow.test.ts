import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { deleteNoun } from '../../src/inventory/nouns/delete-noun.js'
import { policyNoun } from '../../src/inventory/nouns/policy-noun.js'
import { profileNoun } from '../../src/inventory/nouns/profile-noun.js'
import { renewalPolicyNoun } from '../../src/inventory/nouns/renewal-policy-noun.js'
import { updateNoun } from '../../src/inventory/nouns/update-noun.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { sweepRule } from '../../src/lifecycle/policy/sweep-rule.js'
import { changedRenewalPolicies } from '../../src/schedule/changed-renewal-policies.js'
import { policySweeps } from '../../src/schedule/policy-sweeps.js'
import type { Store } from '../../src/store/store.js'
import { createScene, makeCsr, operator, type Scene } from './scene.js'

const never = new AbortController().signal
const daySeconds = 86_400
const names = [{ type: 'dns' as const, value: 'www.example.test' }]

let scene: Scene
let counter = 0
beforeAll(async () => {
  scene = await createScene({ lifeDays: 90 })
})
afterAll(async () => await scene.close())

interface RuleInput {
  type: string
  config: object
  mode?: 'enforce' | 'warn'
}

/** Rules judge all certificates there are: each story ends with its own gone. */
async function withRule({ config, ...input }: RuleInput, story: (ruleId: string) => Promise<void>): Promise<void> {
  const id = `rule-${++counter}`
  const { store } = scene.services
  await store.transaction(async (tx) => {
    const at = { created_at: tx.now, updated_at: tx.now }
    await tx.policyRules.insert({ id, name: id, config: JSON.stringify(config), ...input, ...at })
  })
  try {
    await story(id)
  } finally {
    await store.transaction(async (tx) => await tx.policyRules.remove(id))
  }
}

/** What the schedule does, in the order that is worst for it. */
async function settle(): Promise<void> {
  await policySweeps.run(scene.services, never)
  await changedRenewalPolicies.run(scene.services, never)
  await policySweeps.run(scene.services, never)
}

async function violationsOf(id: string): Promise<string[]> {
  const rows = await scene.services.store.policyViolations.listOpenOfCertificate(id)
  return rows.map(({ message }) => message)
}

async function told(): Promise<number> {
  const { rows } = await scene.services.store.events.page({}, { limit: 500, count: false })
  return rows.filter(({ type }) => type === 'policy.applied').length
}

async function issued(more: object): Promise<string> {
  const csrPem = await makeCsr({ names, common_name: 'www.example.test', key: 'EC-P256' })
  const { id } = await scene.request({ name: `certificate ${++counter}`, csrPem, ...more })
  await scene.work()
  return id
}

const matches = () => undefined
const changeProfile = async (id: string, fields: object) =>
  await updateNoun(scene.services, profileNoun, { id, fields: { ...fields }, actor: operator, match: matches })

async function profile(maxDays: number | null): Promise<string> {
  const id = `prof-${++counter}`
  const most = maxDays === null ? null : maxDays * daySeconds
  await scene.services.store.transaction(
    async (tx) =>
      await tx.profiles.insert({ id, name: id, max_ttl_seconds: most, created_at: tx.now, updated_at: tx.now }),
  )
  return id
}

describe('a rule about lead times', () => {
  it('judges again what is under a renewal policy that was changed, once its renewals have moved', async () => {
    const policyId = `rp-${++counter}`
    await scene.services.store.transaction(
      async (tx) =>
        await tx.renewalPolicies.insert({
          id: policyId,
          name: policyId,
          renewal_window_days: 30,
          created_at: tx.now,
          updated_at: tx.now,
        }),
    )
    const id = await issued({ renewalPolicyId: policyId })
    await withRule({ type: 'RenewalLeadTime', config: { lead_time_days: 14 }, mode: 'enforce' }, async () => {
      await settle()
      expect(await violationsOf(id)).toEqual([])
      const change = async (days: number) => {
        scene.services.clock.advance(1)
        const fields = { renewal_window_days: days }
        await updateNoun(scene.services, renewalPolicyNoun, { id: policyId, fields, actor: operator, match: matches })
        await settle()
      }
      await change(2)
      expect(await violationsOf(id)).toEqual([expect.stringContaining('at least 14 are wanted')])
      await change(30)
      expect(await violationsOf(id)).toEqual([])
    })
  })
})

describe('a rule about lifetimes', () => {
  it('that warns judges again what is under a profile whose longest life was changed, and tells of it once', async () => {
    const profileId = await profile(60)
    const id = await issued({ certificateProfileId: profileId })
    await withRule({ type: 'CertificateLifetime', config: { max_days: 61 }, mode: 'warn' }, async () => {
      await settle()
      expect(await violationsOf(id)).toEqual([])
      await changeProfile(profileId, { max_ttl_seconds: 90 * daySeconds })
      const before = await told()
      await settle()
      expect(await violationsOf(id)).toEqual(['It lives 90 days; at most 61 are allowed'])
      expect(await told()).toBe(before + 1)
      await changeProfile(profileId, { allow_wildcards: false })
      await settle()
      expect(await told()).toBe(before + 1)
    })
  })

  it('that is enforced is what the CA is asked for where the profile would allow more', async () => {
    const profileId = await profile(60)
    await withRule({ type: 'CertificateLifetime', config: { max_days: 61 }, mode: 'enforce' }, async () => {
      const id = await issued({ certificateProfileId: profileId })
      await changeProfile(profileId, { max_ttl_seconds: 90 * daySeconds })
      await settle()
      expect(await violationsOf(id)).toEqual([])
      await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true })
      const asked = scene.ca.asked.length
      await scene.work()
      const end = scene.ca.asked[asked]?.notAfter?.getTime() ?? Number.POSITIVE_INFINITY
      expect(end).toBeLessThanOrEqual(scene.services.clock.now().getTime() + 61 * daySeconds * 1000)
    })
  })
})

describe('a rule about lifetimes that warns', () => {
  it.each(['switched off', 'removed'])(
    'judges again when an enforced one is %s that had less asked for',
    async (how) => {
      const profileId = await profile(90)
      const enforced = { type: 'CertificateLifetime', config: { max_days: 20 }, mode: 'enforce' as const }
      await withRule({ type: 'CertificateLifetime', config: { max_days: 30 }, mode: 'warn' }, async () => {
        await withRule(enforced, async (ruleId) => {
          const id = await issued({ certificateProfileId: profileId })
          const warnings = async () => (await violationsOf(id)).filter((message) => message.includes('at most 30'))
          await settle()
          expect(await warnings()).toEqual([])
          scene.services.clock.advance(1)
          const asked = { id: ruleId, actor: operator, match: matches }
          if (how === 'removed') await deleteNoun(scene.services, policyNoun, asked)
          else await updateNoun(scene.services, policyNoun, { ...asked, fields: { enabled: false } })
          await settle()
          expect(await warnings()).toEqual(['It lives 90 days; at most 30 are allowed'])
        })
      })
    },
  )
})

describe('a sweep that is under way when a profile changes', () => {
  it('does not count as having judged what it judged before', async () => {
    const profileId = await profile(60)
    const id = await issued({ certificateProfileId: profileId })
    await withRule({ type: 'CertificateLifetime', config: { max_days: 61 }, mode: 'warn' }, async (ruleId) => {
      const { policySweeps: sweeps } = scene.services.store
      const due = (await sweeps.listDue(50)).find(({ rule_id: rule }) => rule === ruleId)
      if (due === undefined) throw new Error('the rule is not due')
      let lists = 0
      const store = Object.assign(Object.create(scene.services.store) as Store, {
        policySweeps: {
          ...sweeps,
          listCertificates: async (page: { after: string; limit: number }) => {
            // Everything is judged by now; what is left is to say so.
            if (++lists === 2) await changeProfile(profileId, { max_ttl_seconds: 90 * daySeconds })
            return await sweeps.listCertificates(page)
          },
        },
      })
      await sweepRule({ store }, due, never)
      expect(lists).toBe(2)
      expect(await violationsOf(id)).toEqual([])
      await settle()
      expect(await violationsOf(id)).toHaveLength(1)
    })
  })
})
