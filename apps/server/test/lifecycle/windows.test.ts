import { describe, expect, it } from '@jest/globals'
import { listPlacements } from '../../src/inventory/certificate-parts.js'
import { jobView } from '../../src/inventory/job-view.js'
import { updateTarget } from '../../src/inventory/update-target.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { revokeVersion } from '../../src/lifecycle/revocation/revoke-version.js'
import { reconcilePlacements } from '../../src/schedule/reconcile-placements.js'
import { only, operator, type Scene, type SceneAgent, served, withScene } from './scene.js'

const never = new AbortController().signal
const day = 86_400
// The scene begins on a Wednesday at noon.
const saturday = { cron: '0 2 * * SAT', duration: '4h', time_zone: 'UTC' }
const saturdayAt = '2026-11-28T02:00:00.000Z'

async function setWindows(scene: Scene, windows: readonly (typeof saturday)[]): Promise<void> {
  await updateTarget(scene.services, { id: 'target-a', windows, actor: operator, check: () => undefined })
}

async function renew(scene: Scene, id: string, agent: SceneAgent): Promise<void> {
  await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
  const asked = only(await agent.claim())
  await agent.submit(asked, await agent.csr(asked))
  await scene.work()
}

async function advanceTo(scene: Scene, at: string): Promise<void> {
  scene.services.clock.advance((Date.parse(at) - scene.services.clock.now().getTime()) / 1000)
}

const deployJob = async (scene: Scene, id: string) => {
  const [job] = await scene.services.store.jobs.listOpenOfCertificate(id, 'deploy')
  if (job === undefined) throw new Error('there is no deployment')
  return jobView(job)
}

describe('a deployment to a target with maintenance windows', () => {
  it('waits for the next one, says so, and is offered when it opens', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      await setWindows(scene, [saturday])
      await renew(scene, id, agent)
      expect(await agent.claim()).toEqual([])
      const [placement] = await listPlacements(scene.services, id)
      expect(placement).toMatchObject({ state: 'pending', window_at: saturdayAt, next_attempt_at: saturdayAt })
      expect(await deployJob(scene, id)).toMatchObject({
        status: 'Pending',
        scheduled_at: saturdayAt,
        last_error: `Waits for the maintenance window of its target, which opens at ${saturdayAt}`,
      })
      await advanceTo(scene, '2026-11-28T01:59:00Z')
      await reconcilePlacements.run(scene.services, never)
      expect(await agent.claim()).toEqual([])
      await advanceTo(scene, saturdayAt)
      await agent.deployed(only(await agent.claim(), 'Deployment'))
      const [done] = await listPlacements(scene.services, id)
      expect(done).toMatchObject({ state: 'served' })
      expect(done?.window_at).toBeUndefined()
    })
  })

  it('that nobody took while it was open waits for the next', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      await setWindows(scene, [saturday])
      await renew(scene, id, agent)
      await advanceTo(scene, '2026-11-28T06:00:00Z')
      expect(await agent.claim()).toEqual([])
      expect(await deployJob(scene, id)).toMatchObject({ scheduled_at: '2026-12-05T02:00:00.000Z' })
      await advanceTo(scene, '2026-12-05T03:00:00Z')
      only(await agent.claim(), 'Deployment')
    })
  })

  it('does not wait where what is served ends before it opens', async () => {
    await withScene({ lifeDays: 2 }, async (scene) => {
      const { id, agent } = await served(scene)
      await setWindows(scene, [saturday])
      await renew(scene, id, agent)
      only(await agent.claim(), 'Deployment')
    })
  })

  it('waits although what was seen there long ago has ended, where nobody can see what is there now', async () => {
    await withScene({ lifeDays: 6 }, async (scene) => {
      const { id, agent } = await served(scene)
      scene.services.clock.advance(4 * day)
      await renew(scene, id, agent)
      const receipt = { changed: true, served: 'unverifiable', location: '/x', effective: 'now' } as const
      await agent.deployed(only(await agent.claim(), 'Deployment'), { receipt })
      scene.services.clock.advance(4 * day)
      await setWindows(scene, [{ ...saturday, cron: '0 2 * * FRI' }])
      await renew(scene, id, agent)
      expect(await agent.claim()).toEqual([])
    })
  })

  it('does not wait where what is served has ended already', async () => {
    await withScene({ lifeDays: 6 }, async (scene) => {
      const { id, agent } = await served(scene)
      await setWindows(scene, [saturday])
      scene.services.clock.advance(7 * day)
      await renew(scene, id, agent)
      only(await agent.claim(), 'Deployment')
    })
  })

  it('does not wait where the key of what is served is known to others', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      await setWindows(scene, [saturday])
      const [version] = await scene.services.store.versions.listCurrent(id)
      await revokeVersion(scene.services, {
        versionId: version?.id ?? '',
        reason: 'keyCompromise',
        reasonText: '',
        actor: operator,
      })
      const asked = only(await agent.claim())
      await agent.submit(asked, await agent.csr(asked))
      await scene.work()
      only(await agent.claim(), 'Deployment')
    })
  })

  it('that waits is moved when the windows are changed, and goes at once when there are none any more', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      await setWindows(scene, [saturday])
      await renew(scene, id, agent)
      await setWindows(scene, [{ ...saturday, cron: '0 2 * * SUN' }])
      expect(await deployJob(scene, id)).toMatchObject({ scheduled_at: '2026-11-29T02:00:00.000Z' })
      await setWindows(scene, [])
      expect((await deployJob(scene, id)).last_error).toBeUndefined()
      only(await agent.claim(), 'Deployment')
    })
  })

  it('that failed is tried again in a window, not at any hour', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      await setWindows(scene, [{ cron: '0 2 * * *', duration: '2m', time_zone: 'UTC' }])
      await renew(scene, id, agent)
      await advanceTo(scene, '2026-11-26T02:01:30.000Z')
      const item = only(await agent.claim(), 'Deployment')
      await agent.report(item, { outcome: 'failed', code: 'deploy_failed', message: 'nginx -t says no' })
      const [placement] = await listPlacements(scene.services, id)
      expect(placement).toMatchObject({
        state: 'failed',
        cause: { message: 'nginx -t says no' },
        window_at: '2026-11-27T02:00:00.000Z',
      })
      scene.services.clock.advance(3600)
      expect(await agent.claim()).toEqual([])
    })
  })
})
