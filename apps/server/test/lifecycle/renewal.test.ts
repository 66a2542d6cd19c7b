import { CertctlError, type RenewalInfo } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { changedRenewalPolicies } from '../../src/schedule/changed-renewal-policies.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { renewalInfo } from '../../src/schedule/renewal-info.js'
import type { HolderRow } from '../../src/store/holders.js'
import { only, operator, type Scene, type SceneAgent, served, withScene } from './scene.js'

const never = new AbortController().signal
const hour = 3600
const day = 24 * hour

const now = (scene: Scene): number => scene.services.clock.now().getTime()
const inSeconds = (scene: Scene, seconds: number): Date => new Date(now(scene) + seconds * 1000)

async function holderOf(scene: Scene, certificateId: string): Promise<HolderRow> {
  const [holder] = await scene.services.store.holders.listOfCertificate(certificateId)
  if (holder === undefined) throw new Error(`nobody holds ${certificateId}`)
  return holder
}

/** What the schedules do while time passes, every `step` seconds; agents answer at once. Returns when each renewal began. */
async function live(
  scene: Scene,
  { agents, seconds, step }: { agents: readonly SceneAgent[]; seconds: number; step: number },
): Promise<Date[]> {
  const renewals: Date[] = []
  for (let passed = 0; passed < seconds; passed += step) {
    scene.services.clock.advance(step)
    await renewalInfo.run(scene.services, never)
    await dueRenewals.run(scene.services, never)
    for (const agent of agents) {
      for (const item of await agent.claim()) {
        if (item.type === 'Deployment') await agent.deployed(item)
        else {
          renewals.push(scene.services.clock.now())
          await agent.submit(item, await agent.csr(item))
        }
      }
    }
    await scene.work()
    for (const agent of agents) for (const item of await agent.claim()) await agent.deployed(item)
  }
  return renewals
}

async function policy(scene: Scene, id: string, columns: Record<string, unknown> = {}): Promise<void> {
  const at = scene.services.clock.now()
  await scene.services.store.renewalPolicies.insert({ id, name: id, created_at: at, updated_at: at, ...columns })
}

async function servedUnder(scene: Scene, policyId: string): Promise<{ id: string; agent: SceneAgent }> {
  const agent = await scene.agent('agent-p')
  await scene.target('target-p', agent.id)
  const { id } = await scene.request({
    commonName: 'policy.example.test',
    targetIds: ['target-p'],
    renewalPolicyId: policyId,
  })
  const asked = only(await agent.claim())
  await agent.submit(asked, await agent.csr(asked))
  await scene.work()
  await agent.deployed(only(await agent.claim(), 'Deployment'))
  return { id, agent }
}

const leftDays = (version: { not_after: Date }, at: Date) => (version.not_after.getTime() - at.getTime()) / (day * 1000)

describe('a certificate of six days from a CA with opinions', () => {
  it('is renewed inside the window its CA suggests, once, and the CA is handed the one before', async () => {
    await withScene({ lifeDays: 6, opinions: true }, async (scene) => {
      const start = inSeconds(scene, 2.9 * day)
      const end = inSeconds(scene, 3.1 * day)
      const first: RenewalInfo = { windowStart: start, windowEnd: end, retryAfterSeconds: 6 * hour }
      scene.ca.renewalInfo = async ({ certificatePem }) => (certificatePem === scene.ca.signed[0] ? first : undefined)
      const { id, agent } = await served(scene)
      const [before] = await scene.services.store.versions.listCurrent(id)
      const agents = [agent]
      const renewals = [
        ...(await live(scene, { agents, seconds: 2.75 * day, step: 0.25 * day })),
        ...(await live(scene, { agents, seconds: 0.5 * day, step: 1200 })),
        ...(await live(scene, { agents, seconds: 2 * day, step: 0.25 * day })),
      ]
      expect(renewals).toHaveLength(1)
      const [at] = renewals as [Date]
      expect(at.getTime()).toBeGreaterThanOrEqual(start.getTime())
      expect(at.getTime()).toBeLessThanOrEqual(end.getTime() + 1_200_000)
      expect(scene.ca.asked).toHaveLength(2)
      expect(scene.ca.asked[0]?.previous).toBeUndefined()
      expect(scene.ca.asked[1]?.previous?.fingerprint).toBe(before?.fingerprint)
      expect(scene.ca.asked[1]?.previous?.serialNumber).toBe(before?.serial_number)
    })
  })
})

describe('a certificate without a CA that has an opinion', () => {
  it('of 24 hours is renewed when half of its life is left', async () => {
    await withScene({ lifeDays: 1 }, async (scene) => {
      const { id, agent } = await served(scene)
      const [version] = await scene.services.store.versions.listCurrent(id)
      const renewals = await live(scene, { agents: [agent], seconds: 10 * hour, step: 5 * hour })
      expect(renewals).toEqual([])
      renewals.push(...(await live(scene, { agents: [agent], seconds: 3 * hour, step: 600 })))
      expect(renewals).toHaveLength(1)
      const left = leftDays(version as { not_after: Date }, renewals[0] as Date) * 24
      expect(left).toBeGreaterThan(11.8)
      expect(left).toBeLessThanOrEqual(13.2)
      expect((await holderOf(scene, id)).renew_at_reason).toBe('half of its life is left then')
    })
  })

  it('of 398 days, of which its policy leaves 30, is renewed with between 30 and 33 days left', async () => {
    await withScene({ lifeDays: 398 }, async (scene) => {
      await policy(scene, 'rp-month', { renewal_window_days: 30 })
      const { id, agent } = await servedUnder(scene, 'rp-month')
      const [version] = await scene.services.store.versions.listCurrent(id)
      expect(await live(scene, { agents: [agent], seconds: 364 * day, step: 91 * day })).toEqual([])
      const renewals = await live(scene, { agents: [agent], seconds: 4.2 * day, step: 2 * hour })
      expect(renewals).toHaveLength(1)
      const left = leftDays(version as { not_after: Date }, renewals[0] as Date)
      expect(left).toBeGreaterThan(29.9)
      expect(left).toBeLessThanOrEqual(33)
    })
  })
})

describe('a CA that moves its window into the past', () => {
  it('sees all that are affected renewed within one of its intervals, spread as configured', async () => {
    await withScene({ lifeDays: 90, opinions: true }, async (scene) => {
      const affected: { id: string; agent: SceneAgent }[] = []
      let window = { windowStart: inSeconds(scene, 58 * day), windowEnd: inSeconds(scene, 62 * day) }
      scene.ca.renewalInfo = async () => ({
        ...window,
        retryAfterSeconds: 6 * hour,
        explanationUrl: 'https://ca.test/why',
      })
      for (const name of ['a', 'b', 'c', 'd', 'e'])
        affected.push(
          await served(scene, { name: `${name}.example.test`, agentId: `agent-${name}`, targetId: `target-${name}` }),
        )
      const agents = affected.map(({ agent }) => agent)
      expect(await live(scene, { agents, seconds: 2 * day, step: 4 * hour })).toEqual([])

      window = { windowStart: inSeconds(scene, -2 * hour), windowEnd: inSeconds(scene, -hour) }
      const moved = now(scene)
      for (let minute = 0; minute < 6.8 * 60; minute += 12) {
        scene.services.clock.advance(720)
        await renewalInfo.run(scene.services, never)
      }
      const holders = await Promise.all(affected.map(async ({ id }) => await holderOf(scene, id)))
      const times = holders.map(({ renew_at }) => renew_at?.getTime() ?? 0)
      const spreadMs = scene.services.config.renewal_spread * 1000
      expect(Math.max(...times)).toBeLessThanOrEqual(moved + 6.8 * hour * 1000 + spreadMs)
      expect(new Set(times).size).toBe(times.length)
      for (const holder of holders)
        expect(holder).toMatchObject({
          renew_at_reason: 'its CA asks for it now',
          renewal_info_url: 'https://ca.test/why',
        })

      window = { windowStart: inSeconds(scene, 58 * day), windowEnd: inSeconds(scene, 62 * day) }
      const renewals = await live(scene, { agents, seconds: spreadMs / 1000 + 600, step: 600 })
      expect(renewals).toHaveLength(affected.length)
    })
  })

  it('and slides it along there does not push the renewal before it for ever', async () => {
    await withScene({ lifeDays: 90, opinions: true }, async (scene) => {
      scene.ca.renewalInfo = async () => ({
        windowStart: inSeconds(scene, -2 * hour),
        windowEnd: inSeconds(scene, -hour),
        retryAfterSeconds: 60,
      })
      const { id } = await served(scene)
      await renewalInfo.run(scene.services, never)
      const first = (await holderOf(scene, id)).renew_at as Date
      for (let looks = 0; looks < 5; looks += 1) {
        scene.services.clock.advance(70)
        await renewalInfo.run(scene.services, never)
      }
      expect((await holderOf(scene, id)).renew_at).toEqual(first)
    })
  })

  it('sees what is overdue stay overdue, although its policy is changed', async () => {
    await withScene({ lifeDays: 90, opinions: true }, async (scene) => {
      await policy(scene, 'rp-changed', { renewal_window_days: 20 })
      scene.ca.renewalInfo = async () => ({
        windowStart: inSeconds(scene, -2 * hour),
        windowEnd: inSeconds(scene, -hour),
        retryAfterSeconds: 60,
      })
      const { id } = await servedUnder(scene, 'rp-changed')
      await renewalInfo.run(scene.services, never)
      const first = (await holderOf(scene, id)).renew_at as Date
      scene.services.clock.advance(2 * day)
      await scene.services.store.renewalPolicies.update('rp-changed', {
        renewal_window_days: 10,
        updated_at: scene.services.clock.now(),
      })
      await changedRenewalPolicies.run(scene.services, never)
      expect(await holderOf(scene, id)).toMatchObject({
        renew_at: first,
        renew_at_reason: 'its CA asks for it now',
      })
    })
  })
})

describe('what a CA says of renewals', () => {
  const withOpinion = async (
    answer: (scene: Scene) => RenewalInfo | undefined,
    story: (scene: Scene, id: string, untouched: Date) => Promise<void>,
  ) =>
    await withScene({ lifeDays: 90, opinions: true }, async (scene) => {
      const { id } = await served(scene)
      const untouched = (await holderOf(scene, id)).renew_at as Date
      scene.ca.renewalInfo = async () => answer(scene)
      await renewalInfo.run(scene.services, never)
      await story(scene, id, untouched)
    })

  it('moves nothing where its window ends before it begins, and is logged', async () => {
    await withOpinion(
      (scene) => ({
        windowStart: inSeconds(scene, 3 * day),
        windowEnd: inSeconds(scene, 2 * day),
        retryAfterSeconds: hour,
      }),
      async (scene, id, untouched) => {
        expect((await holderOf(scene, id)).renew_at).toEqual(untouched)
        expect(scene.services.logged.some(({ fault }) => String(fault).includes('before it begins'))).toBe(true)
      },
    )
  })

  it('moves nothing where its window has no times or lies behind the end', async () => {
    for (const [from, to] of [
      [Number.NaN, Number.NaN],
      [91 * day, 95 * day],
    ] as const)
      await withOpinion(
        (scene) => ({ windowStart: inSeconds(scene, from), windowEnd: inSeconds(scene, to), retryAfterSeconds: hour }),
        async (scene, id, untouched) => expect((await holderOf(scene, id)).renew_at).toEqual(untouched),
      )
  })

  it('never makes a renewal begin in the last tenth of a life', async () => {
    await withOpinion(
      (scene) => ({
        windowStart: inSeconds(scene, 80 * day),
        windowEnd: inSeconds(scene, 89 * day),
        retryAfterSeconds: hour,
      }),
      async (scene, id) => {
        const { renewal_window_end: end, renew_at: at } = await holderOf(scene, id)
        expect(end?.getTime()).toBeLessThanOrEqual(now(scene) + 81 * day * 1000)
        expect(at?.getTime()).toBeLessThanOrEqual(now(scene) + 81 * day * 1000)
      },
    )
  })

  it('is asked for again when it said so, between a minute and a day, and at the usual interval where it says nonsense', async () => {
    for (const [said, least, most] of [
      [1, 60, 66],
      [3 * hour, 3 * hour, 3.3 * hour],
      [30 * day, day, 1.1 * day],
      [Number.NaN, 6 * hour, 6.6 * hour],
    ] as const)
      await withOpinion(
        (scene) => ({
          windowStart: inSeconds(scene, day),
          windowEnd: inSeconds(scene, 2 * day),
          retryAfterSeconds: said,
        }),
        async (scene, id) => {
          const wait = (((await holderOf(scene, id)).renewal_info_at?.getTime() ?? 0) - now(scene)) / 1000
          expect(wait).toBeGreaterThanOrEqual(least)
          expect(wait).toBeLessThanOrEqual(most + 1)
        },
      )
  })

  it('stops no renewal when the CA cannot be asked', async () => {
    await withScene({ lifeDays: 6, opinions: true }, async (scene) => {
      scene.ca.renewalInfo = async () => {
        throw new CertctlError('upstream_unavailable', 'the CA is out of order', { retryAfterSeconds: 120 })
      }
      const { id, agent } = await served(scene)
      await renewalInfo.run(scene.services, never)
      const { renewal_info_at: next } = await holderOf(scene, id)
      expect((next?.getTime() ?? 0) - now(scene)).toBeGreaterThanOrEqual(120_000)
      expect((next?.getTime() ?? 0) - now(scene)).toBeLessThanOrEqual(133_000)
      expect(await live(scene, { agents: [agent], seconds: 3.2 * day, step: 2 * hour })).toHaveLength(1)
    })
  })

  it('is asked for by one copy only, however many look', async () => {
    await withScene({ opinions: true }, async (scene) => {
      let asked = 0
      scene.ca.renewalInfo = async () => {
        asked += 1
        return undefined
      }
      await served(scene)
      await Promise.all([1, 2, 3].map(async () => await renewalInfo.run(scene.services, never)))
      expect(asked).toBe(1)
    })
  })
})

describe('a renewal policy', () => {
  it('that is changed moves the renewals of its certificates, and of no others', async () => {
    await withScene({ lifeDays: 398 }, async (scene) => {
      await policy(scene, 'rp-moved', { renewal_window_days: 30 })
      const { id } = await servedUnder(scene, 'rp-moved')
      const other = await served(scene)
      const untouched = (await holderOf(scene, other.id)).renew_at
      await changedRenewalPolicies.run(scene.services, never)
      const before = (await holderOf(scene, id)).renew_at as Date
      scene.services.clock.advance(day)
      await scene.services.store.renewalPolicies.update('rp-moved', {
        renewal_window_days: 60,
        updated_at: scene.services.clock.now(),
      })
      await changedRenewalPolicies.run(scene.services, never)
      const after = (await holderOf(scene, id)).renew_at as Date
      const days = (before.getTime() - after.getTime()) / (day * 1000)
      expect(days).toBeGreaterThanOrEqual(30)
      expect(days).toBeLessThanOrEqual(33)
      expect((await holderOf(scene, other.id)).renew_at).toEqual(untouched)
      await changedRenewalPolicies.run(scene.services, never)
      expect((await holderOf(scene, id)).renew_at).toEqual(after)
    })
  })

  it('that leaves renewals to people is not renewed by the schedule, says so, and is renewed when somebody asks', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      await policy(scene, 'rp-hand', { auto_renew: false })
      const { id, agent } = await servedUnder(scene, 'rp-hand')
      expect(await holderOf(scene, id)).toMatchObject({
        renew_at: null,
        renew_at_reason: 'its policy rp-hand leaves renewals to people',
      })
      expect(await live(scene, { agents: [agent], seconds: 100 * day, step: 10 * day })).toEqual([])
      await scene.services.store.renewalPolicies.update('rp-hand', {
        auto_renew: true,
        updated_at: scene.services.clock.now(),
      })
      await changedRenewalPolicies.run(scene.services, never)
      expect(await live(scene, { agents: [agent], seconds: hour, step: hour })).toHaveLength(1)
    })
  })

  it('that a certificate is given, or loses, moves its renewal at once', async () => {
    await withScene({ lifeDays: 398 }, async (scene) => {
      await policy(scene, 'rp-week', { renewal_window_days: 7 })
      const { id } = await served(scene)
      const thirdLeft = (await holderOf(scene, id)).renew_at as Date
      const give = async (renewalPolicyId: string | null) =>
        await changeCertificate(scene.services, {
          certificateId: id,
          actor: operator,
          check: async () => undefined,
          renewalPolicyId,
        })
      await give('rp-week')
      expect((await holderOf(scene, id)).renew_at_reason).toBe('its policy renews 7 days before the end')
      expect(((await holderOf(scene, id)).renew_at?.getTime() ?? 0) - now(scene)).toBeGreaterThan(390 * day * 1000)
      await give(null)
      expect((await holderOf(scene, id)).renew_at).toEqual(thirdLeft)
    })
  })
})
