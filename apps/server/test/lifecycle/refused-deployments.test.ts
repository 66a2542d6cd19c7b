import { describe, expect, it } from '@jest/globals'
import { listPlacements } from '../../src/inventory/certificate-parts.js'
import { cancelJob } from '../../src/lifecycle/cancel-job.js'
import { deployCertificate } from '../../src/lifecycle/placement/deploy-certificate.js'
import { reconcilePlacements } from '../../src/schedule/reconcile-placements.js'
import { only, operator, type Scene, type SceneAgent, served, withScene } from './scene.js'

const never = new AbortController().signal

async function placementOf({ services }: Scene, id: string) {
  const [placement] = await services.store.placements.listOfCertificate(id)
  if (placement === undefined) throw new Error('there is no placement')
  return placement
}

async function redeploy({ services }: Scene, { id, agent }: { id: string; agent: SceneAgent }) {
  await deployCertificate(services, { certificateId: id, actor: operator })
  return only(await agent.claim(), 'Deployment')
}

async function deploymentsOf(scene: Scene, agent: SceneAgent) {
  await reconcilePlacements.run(scene.services, never)
  return (await agent.claim()).filter(({ type }) => type === 'Deployment')
}

async function openAlerts({ services }: Scene, certificateId: string) {
  const { rows } = await services.store.events.page({ certificateId }, { limit: 50, count: false })
  return rows.filter(({ alert_key, resolved_at }) => alert_key !== null && resolved_at === null)
}

const message = 'add this line'

describe('a deployment that the agent refuses', () => {
  const codes = ['policy_denied', 'config_invalid', 'conflict', 'forbidden', 'unsupported'] as const

  it.each(codes)('(%s) is tried again, an hour later at first and once a day at last, and shows when', async (code) => {
    await withScene({}, async (scene) => {
      const story = await served(scene)
      const { clock } = scene.services
      let deployment = await redeploy(scene, story)
      for (const usual of [1, 2, 4, 8, 16, 24, 24]) {
        await story.agent.report(deployment, { outcome: 'refused', code, message })
        expect(await placementOf(scene, story.id)).toMatchObject({ state: 'failed', cause_code: code })
        const [shown] = await listPlacements(scene.services, story.id)
        const seconds = (Date.parse(shown?.next_attempt_at ?? '') - clock.now().getTime()) / 1000
        expect(seconds).toBeLessThanOrEqual(usual * 3600)
        expect(seconds).toBeGreaterThan(usual * 3600 * 0.89)
        clock.advance(seconds - 1)
        expect(await deploymentsOf(scene, story.agent)).toEqual([])
        clock.advance(2)
        deployment = only(await deploymentsOf(scene, story.agent))
      }
      await story.agent.deployed(deployment)
      const done = { state: 'served', failures: 0, next_attempt_at: null, blocked_code: null }
      expect(await placementOf(scene, story.id)).toMatchObject(done)
      expect(await openAlerts(scene, story.id)).toEqual([])
    })
  })

  it('tells people once, and what to type when the cause is gone', async () => {
    await withScene({}, async (scene) => {
      const story = await served(scene)
      const refusal = { outcome: 'refused', code: 'policy_denied', message } as const
      await story.agent.report(await redeploy(scene, story), refusal)
      scene.services.clock.advance(3601)
      await story.agent.report(only(await story.agent.claim(), 'Deployment'), refusal)
      const command = `certctl certificates deploy ${story.id} --target target-a`
      expect(await openAlerts(scene, story.id)).toMatchObject([
        { type: 'placement.failed', data: { command, blocked: true } },
      ])
      await story.agent.deployed(await redeploy(scene, story))
      expect(await placementOf(scene, story.id)).toMatchObject({ state: 'served' })
      expect(await openAlerts(scene, story.id)).toEqual([])
    })
  })

  it('is tried again in time where what is served ends soon', async () => {
    await withScene({ lifeDays: 1 }, async (scene) => {
      const story = await served(scene)
      const deployment = await redeploy(scene, story)
      scene.services.clock.advance(20 * 3600)
      await story.agent.report(deployment, { outcome: 'refused', code: 'conflict', message })
      const { next_attempt_at: next } = await placementOf(scene, story.id)
      expect(next).toEqual(expect.any(Date))
      expect((next?.getTime() ?? 0) - scene.services.clock.now().getTime()).toBeLessThanOrEqual(0.4 * 3_600_000)
    })
  })
})

describe('a deployment that a person cancelled', () => {
  it('waits for a person', async () => {
    await withScene({}, async (scene) => {
      const story = await served(scene)
      await deployCertificate(scene.services, { certificateId: story.id, actor: operator })
      const [job] = await scene.services.store.jobs.listOpenOfCertificate(story.id, 'deploy')
      await cancelJob(scene.services, { jobId: job?.id ?? '', actor: operator })
      scene.services.clock.advance(10 * 86_400)
      expect(await deploymentsOf(scene, story.agent)).toEqual([])
      expect(await placementOf(scene, story.id)).toMatchObject({ state: 'failed', next_attempt_at: null })
    })
  })
})
