import { CertctlError } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { unlinkTarget } from '../../src/lifecycle/placement/unlink-target.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { expiryAlerts } from '../../src/schedule/expiry-alerts.js'
import { overdueCsrs } from '../../src/schedule/overdue-csrs.js'
import type { EventRow } from '../../src/store/events.js'
import { only, operator, type Scene, type SceneAgent, withScene } from '../lifecycle/scene.js'

const never = new AbortController().signal
const day = 86_400

async function underPolicy(
  scene: Scene,
  columns: Record<string, unknown>,
): Promise<{ id: string; agent: SceneAgent; renew(): Promise<void> }> {
  const at = scene.services.clock.now()
  await scene.services.store.renewalPolicies.insert({
    id: 'rp',
    name: 'rp',
    created_at: at,
    updated_at: at,
    ...columns,
  })
  const agent = await scene.agent('agent-a')
  await scene.target('target-a', agent.id)
  const { id } = await scene.request({ commonName: 'a.example.test', targetIds: ['target-a'], renewalPolicyId: 'rp' })
  const answer = async () => {
    const asked = only(await agent.claim())
    await agent.submit(asked, await agent.csr(asked))
    await scene.work()
    await agent.deployed(only(await agent.claim(), 'Deployment'))
  }
  await answer()
  return {
    id,
    agent,
    renew: async () => {
      await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
      await answer()
    },
  }
}

async function told(scene: Scene, type = 'certificate.expiring'): Promise<EventRow[]> {
  const { rows } = await scene.services.store.events.page({ type }, { limit: 100, count: false })
  return rows.toReversed()
}

async function passDays(scene: Scene, days: number): Promise<void> {
  for (let passed = 0; passed < days; passed += 1) {
    scene.services.clock.advance(day)
    await expiryAlerts.run(scene.services, never)
    await expiryAlerts.run(scene.services, never)
  }
}

const thresholds = (events: readonly EventRow[]) =>
  events.map(({ data }) => (data as { threshold_days: number }).threshold_days)

describe('thresholds of a renewal policy', () => {
  it('are told once each of a certificate that nobody renews, and again in its next life', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      const { id, renew } = await underPolicy(scene, { auto_renew: false })
      await passDays(scene, 88)
      const first = await told(scene)
      expect(thresholds(first)).toEqual([30, 14, 7])
      expect(first.map(({ severity }) => severity)).toEqual(['info', 'warning', 'warning'])
      for (const { title, data } of first) {
        expect(title).toContain('leaves renewals to people')
        expect(title).toContain(`run: certctl certificates renew ${id}`)
        expect(data).toMatchObject({ command: `certctl certificates renew ${id}` })
      }
      await renew()
      expect((await told(scene)).every(({ resolved_at }) => resolved_at !== null)).toBe(true)
      await passDays(scene, 70)
      expect(thresholds(await told(scene))).toEqual([30, 14, 7, 30])
      await passDays(scene, 25)
      expect(thresholds(await told(scene))).toEqual([30, 14, 7, 30, 14, 7])
      const ended = await told(scene, 'certificate.ended')
      expect(thresholds(ended)).toEqual([0])
      expect(ended[0]?.severity).toBe('critical')
    })
  })

  it('say nothing of a certificate that is renewed on schedule, and speak as soon as its renewal is overdue', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      const { agent } = await underPolicy(scene, { renewal_window_days: 14, alert_thresholds_days: '[60, 30, 7]' })
      await passDays(scene, 74)
      expect(await told(scene)).toEqual([])
      await dueRenewals.run(scene.services, never)
      await passDays(scene, 4)
      const [late, ...others] = await told(scene)
      expect(others).toEqual([])
      expect(late?.data).toMatchObject({ threshold_days: 30 })
      expect(late?.title).toContain('has not come')
      expect(late?.title).toContain(`run: certctl agents show ${agent.id}`)
    })
  })

  it('that are as long as the life say nothing when it begins', async () => {
    await withScene({ lifeDays: 6 }, async (scene) => {
      await underPolicy(scene, { auto_renew: false })
      await passDays(scene, 5)
      expect(await told(scene)).toEqual([])
      await passDays(scene, 2)
      expect(thresholds(await told(scene, 'certificate.ended'))).toEqual([0])
    })
  })

  it('are told by the nearest one only, where several were passed at once, as gravely and by the channels the policy says', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      await underPolicy(scene, {
        auto_renew: false,
        alert_severity_map: '{"14": "critical"}',
        alert_channels: '{"critical": ["PagerDuty"]}',
      })
      scene.services.clock.advance(80 * day)
      await expiryAlerts.run(scene.services, never)
      const events = await told(scene)
      expect(thresholds(events)).toEqual([14])
      expect(events[0]).toMatchObject({ severity: 'critical', data: { tier: 'critical', channels: ['PagerDuty'] } })
      await passDays(scene, 1)
      expect(await told(scene)).toHaveLength(1)
    })
  })

  it('are told anew by the nearest one when a target comes back, and not while there is none', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      const { id, agent } = await underPolicy(scene, { auto_renew: false })
      await scene.target('target-b', agent.id)
      const link = { certificateId: id, actor: operator }
      await linkTarget(scene.services, { ...link, targetId: 'target-b' })
      await passDays(scene, 77)
      expect(thresholds(await told(scene))).toEqual([30, 14])
      await unlinkTarget(scene.services, { ...link, targetId: 'target-b' })
      await passDays(scene, 1)
      expect(thresholds(await told(scene))).toEqual([30, 14])
      await unlinkTarget(scene.services, { ...link, targetId: 'target-a' })
      await passDays(scene, 1)
      expect((await told(scene)).map(({ resolved_at }) => resolved_at === null)).toEqual([false, false])
      await linkTarget(scene.services, { ...link, targetId: 'target-a' })
      await passDays(scene, 1)
      const events = await told(scene)
      expect(thresholds(events)).toEqual([30, 14, 14])
      expect(events.map(({ resolved_at }) => resolved_at === null)).toEqual([false, false, true])
      await passDays(scene, 6)
      expect(thresholds(await told(scene))).toEqual([30, 14, 14, 7])
    })
  })

  it('are told once, however many copies look', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      await underPolicy(scene, { auto_renew: false })
      scene.services.clock.advance(80 * day)
      await Promise.all([1, 2, 3].map(async () => await expiryAlerts.run(scene.services, never)))
      expect(await told(scene)).toHaveLength(1)
    })
  })
})

describe('failures under a renewal policy', () => {
  it('are told of after as many as it says, and the first pause is as long as it says, within a tenth of what is left', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      const { agent, id } = await underPolicy(scene, { max_retries: 2, retry_interval_seconds: 7200 })
      scene.ca.answer = async () => {
        throw new CertctlError('upstream_unavailable', 'the CA is out of order')
      }
      scene.services.clock.advance(61 * day)
      await dueRenewals.run(scene.services, never)
      const asked = only(await agent.claim(), 'Renewal')
      await agent.submit(asked, await agent.csr(asked))
      await scene.work()
      const [holder] = await scene.services.store.holders.listOfCertificate(id)
      const pause = ((holder?.next_attempt_at?.getTime() ?? 0) - scene.services.clock.now().getTime()) / 1000
      expect(pause).toBeGreaterThanOrEqual(6480)
      expect(pause).toBeLessThanOrEqual(7200)
      expect(await told(scene, 'certificate.issuance_failed')).toEqual([])
      scene.services.clock.advance(7201)
      await scene.work()
      const [failed] = await told(scene, 'certificate.issuance_failed')
      expect(failed?.title).toContain(`run: certctl issuers test ${scene.issuerId}`)
      scene.services.clock.advance(28 * day)
      await scene.work()
      const [near] = await scene.services.store.holders.listOfCertificate(id)
      const shorter = ((near?.next_attempt_at?.getTime() ?? 0) - scene.services.clock.now().getTime()) / 1000
      expect(shorter).toBeLessThanOrEqual(day / 10 + 60)
      expect((await told(scene, 'certificate.issuance_failed')).at(-1)?.severity).toBe('critical')
    })
  })
})

describe('CSRs that do not come', () => {
  it('are told of for every agent, not for the oldest five hundred', async () => {
    await withScene({}, async (scene) => {
      const agent = await scene.agent('agent-many')
      await scene.target('target-many', agent.id)
      const { id } = await scene.request({ commonName: 'many.example.test', targetIds: ['target-many'] })
      const [job] = await scene.services.store.jobs.listOpenOfCertificate(id, 'issue')
      await scene.services.store.transaction(async (tx) => {
        for (let count = 0; count < 520; count += 1) {
          const name = String(count).padStart(4, '0')
          await tx.agents.insert({ id: `m-${name}`, name, key_hash: Buffer.from(name), registered_at: tx.now })
          const holder = { certificate_id: id, kind: 'agent' as const, agent_id: `m-${name}`, created_at: tx.now }
          await tx.holders.insert({ ...holder, id: `h-${name}` })
          await tx.jobs.insert({
            id: `job-z${name}`,
            kind: 'issue',
            state: 'waiting_csr',
            agent_id: `m-${name}`,
            certificate_id: id,
            holder_id: `h-${name}`,
            run_at: tx.now,
            requested_by: 'System',
            created_at: tx.now,
          })
        }
      })
      scene.services.clock.advance(2 * day)
      await overdueCsrs.run(scene.services, never)
      const { total } = await scene.services.store.events.page(
        { type: 'certificate.csr_overdue' },
        { limit: 1, count: true },
      )
      expect(total).toBe(521)
      expect(job).toBeDefined()
      const [first] = await told(scene, 'certificate.csr_overdue')
      expect(first?.title).toMatch(/run: certctl agents show \S+$/)
    })
  })
})
