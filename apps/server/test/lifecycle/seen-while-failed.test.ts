import type { Observations } from '@certctl/api'
import { describe, expect, it } from '@jest/globals'
import { updateTarget } from '../../src/inventory/update-target.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { cancelJob } from '../../src/lifecycle/cancel-job.js'
import { recordObservations } from '../../src/lifecycle/verification/record-observations.js'
import { only, operator, type Scene, type SceneAgent, served, withScene } from './scene.js'

const stranger = 'c'.repeat(64)
const message = 'Policy file /etc/certctl/policy.json is not JSON'

interface Failing {
  id: string
  agent: SceneAgent
  /** What was deployed before. */
  before: string
  desired: string
}

/** A renewal whose deployment the agent refused. */
async function refused(scene: Scene): Promise<Failing> {
  const { id, agent, fingerprint } = await served(scene)
  const item = await renewed(scene, { id, agent })
  await agent.report(item, { outcome: 'refused', code: 'config_invalid', message })
  return { id, agent, before: fingerprint, desired: item.deployment?.fingerprint ?? '' }
}

async function renewed(scene: Scene, { id, agent }: { id: string; agent: SceneAgent }) {
  await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true })
  const asked = only(await agent.claim(), 'Renewal')
  await agent.submit(asked, await agent.csr(asked))
  await scene.work()
  return only(await agent.claim(), 'Deployment')
}

type Seen = Omit<Observations['placements'][number], 'target_id' | 'certificate_id'>

async function observe(scene: Scene, { id, agent }: Pick<Failing, 'id' | 'agent'>, seen: Seen) {
  scene.services.clock.advance(60)
  const placements = [{ target_id: 'target-a', certificate_id: id, ...seen }]
  await recordObservations(scene.services, { agentId: agent.id, actor: agent.actor, observations: { placements } })
  return await placementOf(scene, id)
}

async function placementOf({ services }: Scene, id: string) {
  const [placement] = await services.store.placements.listOfCertificate(id)
  if (placement === undefined) throw new Error('there is no placement')
  return placement
}

const look = ({ services }: Scene, fingerprint?: string) => {
  const at = new Date(services.clock.now().getTime() + 60_000).toISOString()
  const shown = fingerprint === undefined ? { detail: 'connection refused' } : { fingerprint }
  return { endpoint: 'www.example:443', chain_ok: true, at, ...shown }
}

describe('what is seen of a target whose last deployment failed', () => {
  it('is kept with when, and what differs, once; the failure, its next attempt and its alert stay', async () => {
    await withScene({}, async (scene) => {
      const story = await refused(scene)
      const { id, next_attempt_at, updated_at } = await placementOf(scene, story.id)
      const stays = { state: 'failed', cause_code: 'config_invalid', failures: 1, next_attempt_at, updated_at }
      for (let round = 0; round < 3; round += 1) {
        const seen = await observe(scene, story, { served: [look(scene, story.before), look(scene, stranger)] })
        const now = scene.services.clock.now()
        expect(seen).toMatchObject({ ...stays, served_fingerprint: stranger, served_at: now, observed_at: now })
        const differs = `www.example:443 serves ${stranger} instead of ${story.desired}`
        expect(seen.cause_message).toBe(`${message}; seen since: ${differs}`)
      }
      expect(await scene.services.store.events.isOpen(`placement:${id}:warning`)).toBe(true)
      const again = await observe(scene, story, { served: [look(scene, story.before)] })
      expect(again).toMatchObject({ ...stays, served_fingerprint: story.before, cause_message: message })
      scene.services.clock.advance(3600)
      await story.agent.deployed(only(await story.agent.claim(), 'Deployment'))
      expect(await placementOf(scene, story.id)).toMatchObject({ state: 'served', cause_message: null })
    })
  })

  it('is what its files hold, too, unless that is what was deployed before', async () => {
    await withScene({}, async (scene) => {
      const story = await refused(scene)
      const held = { matches: false, location: '/etc/a.pem' }
      const own = await observe(scene, story, { file: { ...held, found_fingerprint: story.before } })
      expect(own.cause_message).toBe(message)
      const other = await observe(scene, story, { file: { ...held, found_fingerprint: stranger } })
      expect(other.cause_message).toContain(`seen since: /etc/a.pem holds ${stranger} instead of`)
      expect(other).toMatchObject({ state: 'failed', served_fingerprint: story.before })
      const none = await observe(scene, story, { file: held })
      expect(none.cause_message).toContain('seen since: /etc/a.pem holds no certificate')
    })
  })

  it('is that nobody answers, without forgetting what was served', async () => {
    await withScene({}, async (scene) => {
      const story = await refused(scene)
      const before = await placementOf(scene, story.id)
      const silent = await observe(scene, story, { served: [look(scene)] })
      expect(silent.cause_message).toContain('seen since: www.example:443 does not answer: connection refused')
      const { served_fingerprint, served_at } = before
      expect(silent).toMatchObject({ state: 'failed', served_fingerprint, served_at })
    })
  })

  it('does not end what a person cancelled', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      const item = await renewed(scene, { id, agent })
      await cancelJob(scene.services, { jobId: item.id, actor: operator })
      const seen = await observe(scene, { id, agent }, { served: [look(scene, stranger)] })
      expect(seen).toMatchObject({ state: 'failed', blocked_code: 'aborted', served_fingerprint: stranger })
      expect(seen.cause_message).toContain(`Cancelled by operator; seen since: www.example:443 serves ${stranger}`)
      expect((await agent.claim()).filter(({ type }) => type === 'Deployment')).toEqual([])
    })
  })

  it('makes no deployment wait for a window that was to beat the end of what was deployed', async () => {
    await withScene({ lifeDays: 2 }, async (scene) => {
      const story = await refused(scene)
      const placement = await observe(scene, story, { served: [look(scene, stranger)] })
      expect(placement.served_fingerprint).toBe(stranger)
      const windows = [{ cron: '0 2 * * SAT', duration: '4h', time_zone: 'UTC' }]
      await updateTarget(scene.services, { id: 'target-a', windows, actor: operator, check: () => undefined })
      scene.services.clock.advance(3600)
      only(await story.agent.claim(), 'Deployment')
    })
  })
})
