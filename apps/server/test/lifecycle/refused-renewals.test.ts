import { CertctlError } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { createNoun } from '../../src/inventory/nouns/create-noun.js'
import { deleteNoun } from '../../src/inventory/nouns/delete-noun.js'
import { policyNoun } from '../../src/inventory/nouns/policy-noun.js'
import { profileNoun } from '../../src/inventory/nouns/profile-noun.js'
import { updateNoun } from '../../src/inventory/nouns/update-noun.js'
import { changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { retryOfRefusal } from '../../src/lifecycle/order/retry-of-refusal.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import type { HolderRow } from '../../src/store/holders.js'
import { makeCsr, only, operator, type Scene, type SceneAgent, served, withScene } from './scene.js'

const never = new AbortController().signal
const hour = 3600
const day = 24 * hour

async function holderOf({ services }: Scene, id: string): Promise<HolderRow> {
  const [holder] = await services.store.holders.listOfCertificate(id)
  if (holder === undefined) throw new Error(`nobody holds ${id}`)
  return holder
}

const plan = async ({ services }: Scene) => await dueRenewals.run(services, never)

async function inSeconds(scene: Scene, holder: HolderRow): Promise<number> {
  return ((holder.next_attempt_at?.getTime() ?? 0) - scene.services.clock.now().getTime()) / 1000
}

function refusing(scene: Scene, code: 'csr_rejected' | 'issued_mismatch'): () => void {
  const { answer } = scene.ca
  scene.ca.answer = async () => {
    throw new CertctlError(code, 'the CA refused it')
  }
  return () => {
    scene.ca.answer = answer
  }
}

async function answerOnce(scene: Scene, agent: SceneAgent): Promise<void> {
  const asked = only(await agent.claim())
  await agent.submit(asked, await agent.csr(asked))
  await scene.work()
}

describe('the time after which a refused renewal is tried again', () => {
  const at = (text: string) => new Date(text)
  const serving = { received_at: at('2026-01-01T00:00:00Z'), not_after: at('2026-04-11T00:00:00Z') }

  it('is a day, and an hour in the last tenth and after the end', () => {
    const wait = (now: Date, isCostly = false) =>
      ((retryOfRefusal({ serving, now, isCostly })?.getTime() ?? 0) - now.getTime()) / 1000
    expect(wait(at('2026-03-01T00:00:00Z'))).toBe(day)
    expect(wait(at('2026-04-02T00:00:00Z'))).toBe(hour)
    expect(wait(at('2026-04-20T00:00:00Z'))).toBe(hour)
    expect(wait(at('2026-04-02T00:00:00Z'), true)).toBe(day)
  })

  it('does not step over the beginning of the last tenth', () => {
    expect(retryOfRefusal({ serving, now: at('2026-03-31T12:00:00Z') })).toEqual(at('2026-04-01T00:00:00Z'))
    expect(retryOfRefusal({ serving, now: at('2026-03-31T23:59:00Z') })).toEqual(at('2026-04-01T00:59:00Z'))
  })

  it('does not come where nothing is served yet', () => {
    expect(retryOfRefusal({ serving: undefined, now: at('2026-03-01T00:00:00Z') })).toBeNull()
  })
})

describe('a renewal that was refused for good', () => {
  it('is tried again a day later, hourly in the last tenth, with the alert, until it succeeds', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      const { id, agent } = await served(scene)
      const restore = refusing(scene, 'csr_rejected')
      scene.services.clock.advance(70 * day)
      await plan(scene)
      await answerOnce(scene, agent)
      const first = await holderOf(scene, id)
      expect(first.blocked_code).toBe('csr_rejected')
      expect(await inSeconds(scene, first)).toBe(day)
      expect(await scene.services.store.events.isOpen(`issuance:${first.id}:warning`)).toBe(true)

      scene.services.clock.advance(day - 60)
      await plan(scene)
      expect(await agent.claim()).toEqual([])
      scene.services.clock.advance(60)
      await plan(scene)
      await answerOnce(scene, agent)
      expect(scene.ca.asked).toHaveLength(3)

      scene.services.clock.advance(11 * day)
      await plan(scene)
      await answerOnce(scene, agent)
      expect(await inSeconds(scene, await holderOf(scene, id))).toBe(hour)
      restore()
      scene.services.clock.advance(hour)
      await plan(scene)
      await answerOnce(scene, agent)
      expect(await holderOf(scene, id)).toMatchObject({ blocked_code: null, next_attempt_at: null, failures: 0 })
    })
  })

  it('by the rules for CSRs is asked of its sender again a day later', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      const { id, agent } = await served(scene)
      scene.services.clock.advance(70 * day)
      await plan(scene)
      const asked = only(await agent.claim())
      const wrong = await makeCsr({ names: [{ type: 'dns', value: 'evil.example.test' }], key: 'EC-P256' })
      await expect(agent.submit(asked, wrong)).rejects.toMatchObject({ code: 'identifier_rejected' })
      await plan(scene)
      expect(await agent.claim()).toEqual([])
      scene.services.clock.advance(day)
      await plan(scene)
      await answerOnce(scene, agent)
      expect((await holderOf(scene, id)).blocked_code).toBeNull()
    })
  })

  it('by its agent is asked of it again a day later', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      const { agent } = await served(scene)
      scene.services.clock.advance(70 * day)
      await plan(scene)
      await agent.report(only(await agent.claim()), { outcome: 'refused', code: 'policy_denied', message: 'no' })
      scene.services.clock.advance(day)
      await plan(scene)
      only(await agent.claim(), 'Renewal')
    })
  })

  it('does not wait for its day where the certificate is changed', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      const { id, agent } = await served(scene)
      refusing(scene, 'csr_rejected')
      scene.services.clock.advance(70 * day)
      await plan(scene)
      await answerOnce(scene, agent)
      await changeCertificate(scene.services, {
        certificateId: id,
        actor: operator,
        check: async () => undefined,
        sans: ['changed.example.test'],
      })
      only(await agent.claim(), 'Renewal')
    })
  })

  it('costs a metered CA one order a day at most, also in the last tenth', async () => {
    await withScene({ lifeDays: 90, metered: true }, async (scene) => {
      const { id, agent } = await served(scene)
      for (const code of ['csr_rejected', 'issued_mismatch'] as const) {
        refusing(scene, code)
        scene.services.clock.advance(85 * day)
        await plan(scene)
        await answerOnce(scene, agent)
        const holder = await holderOf(scene, id)
        expect(holder.blocked_code).toBe(code)
        expect(await inSeconds(scene, holder)).toBe(day)
      }
    })
  })
})

describe('what a profile or a rule denied', () => {
  const denied = async (scene: Scene, id: string) => {
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await scene.work()
    expect((await holderOf(scene, id)).blocked_code).toBe('policy_denied')
  }
  const issuedAgain = async (scene: Scene, id: string) => {
    expect(await holderOf(scene, id)).toMatchObject({ blocked_code: null, blocked_generation: null })
    await plan(scene)
    await scene.work()
    expect((await holderOf(scene, id)).failures).toBe(0)
  }
  const profiled = async (scene: Scene, profileId: string): Promise<string> => {
    const { services } = scene
    await createNoun(services, profileNoun, { id: profileId, name: profileId, fields: {}, actor: operator })
    const csrPem = await makeCsr({ names: [{ type: 'dns', value: 'www.example.test' }], key: 'EC-P256' })
    const { id } = await scene.request({ name: `of ${profileId}`, csrPem, certificateProfileId: profileId })
    await scene.work()
    return id
  }
  const update = async (scene: Scene, id: string, fields: object) =>
    await updateNoun(scene.services, profileNoun, {
      id,
      fields: fields as Record<string, unknown>,
      actor: operator,
      match: () => undefined,
    })

  it('is tried again as soon as its profile is changed, and what another profile denied is not', async () => {
    await withScene({}, async (scene) => {
      const [mine, other] = [await profiled(scene, 'prof-mine'), await profiled(scene, 'prof-other')]
      for (const [profile, id] of [
        ['prof-mine', mine],
        ['prof-other', other],
      ] as const) {
        await update(scene, profile, { enabled: false })
        await denied(scene, id)
      }
      await update(scene, 'prof-mine', { enabled: true })
      await issuedAgain(scene, mine)
      expect((await holderOf(scene, other)).blocked_code).toBe('policy_denied')
    })
  })

  it('is tried again as soon as the rule is disabled or removed', async () => {
    await withScene({}, async (scene) => {
      const { services } = scene
      const id = await profiled(scene, 'prof-any')
      const fields = { type: 'AllowedEnvironments', config: { allowed: ['production'] }, mode: 'enforce' }
      await createNoun(services, policyNoun, { id: 'rule-x', name: 'rule-x', fields, actor: operator })
      await denied(scene, id)
      const change = { id: 'rule-x', actor: operator, match: () => undefined }
      await updateNoun(services, policyNoun, { ...change, fields: { enabled: false } })
      await issuedAgain(scene, id)
      await updateNoun(services, policyNoun, { ...change, fields: { enabled: true } })
      await denied(scene, id)
      await deleteNoun(services, policyNoun, { id: 'rule-x', actor: operator })
      await issuedAgain(scene, id)
    })
  })

  it('stays refused where a person or the CA said so', async () => {
    await withScene({}, async (scene) => {
      const id = await profiled(scene, 'prof-said')
      const { id: holderId } = await holderOf(scene, id)
      for (const code of ['approval_required', 'cancelled', 'already_revoked', 'csr_rejected']) {
        await scene.services.store.holders.update(holderId, { blocked_code: code, blocked_generation: 1 })
        await update(scene, 'prof-said', { enabled: true })
        expect((await holderOf(scene, id)).blocked_code).toBe(code)
      }
    })
  })
})

describe('an order that its CA leaves pending until its deadline', () => {
  it('has failed like any other, and people are told at once: thirty days are no passing fault', async () => {
    await withScene({}, async (scene) => {
      const agent = await scene.agent('agent-a')
      await scene.target('target-a', agent.id)
      const { id } = await scene.request({ commonName: 'www.example.test', targetIds: ['target-a'] })
      scene.ca.answer = async () => ({ status: 'pending', orderId: 'at-the-ca' })
      scene.ca.poll = async ({ orderId }) => ({ status: 'pending', orderId })
      const asked = only(await agent.claim())
      const orderId = await agent.submit(asked, await agent.csr(asked))
      await scene.work()
      scene.services.clock.advance(31 * day)
      await scene.work()
      const holder = await holderOf(scene, id)
      expect(holder).toMatchObject({ failures: 1, last_error_code: 'upstream_unavailable', blocked_code: null })
      expect(await inSeconds(scene, holder)).toBeGreaterThan(0)
      const { store } = scene.services
      expect(await store.orders.get(orderId)).toMatchObject({ state: 'expired' })
      const entries = await store.auditEvents.list(
        { resource_id: id, action: 'certificate.issuance_failed' },
        { limit: 5 },
      )
      expect(entries).toMatchObject([{ canonical: expect.stringContaining('30 days') }])
      expect(await store.events.isOpen(`issuance:${holder.id}:warning`)).toBe(true)
      expect(scene.ca.polled).toEqual([])
      scene.services.clock.advance(hour)
      only(await agent.claim(), 'Issuance')
    })
  })
})
