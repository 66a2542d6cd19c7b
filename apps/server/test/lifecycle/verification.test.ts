import type { JobReport } from '@certctl/api'
import { describe, expect, it } from '@jest/globals'
import { listPlacements } from '../../src/inventory/certificate-parts.js'
import { jobView } from '../../src/inventory/job-view.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { recordObservations } from '../../src/lifecycle/verification/record-observations.js'
import { dueVerifications } from '../../src/schedule/due-verifications.js'
import { claimAgentWork } from '../../src/work/claim-work.js'
import { verifiedConfig } from '../../src/work/verified-config.js'
import { createTestServices } from '../postgres.js'
import { only, operator, type Scene, type SceneAgent, served, withScene } from './scene.js'

const never = new AbortController().signal

type Look = NonNullable<JobReport['served']>[number]

/** Has the agent asked what there is, and tells what it saw; `undefined`: it was not asked. */
async function look(scene: Scene, agent: SceneAgent, seen: readonly Partial<Look>[]): Promise<boolean> {
  await dueVerifications.run(scene.services, never)
  const [item] = (await agent.claim()).filter(({ type }) => type === 'Verification')
  if (item === undefined) return false
  const at = scene.services.clock.now().toISOString()
  const looks = seen.map((one) => ({ endpoint: 'www.example.test:443', chain_ok: true, at, ...one }))
  await agent.report(item, { outcome: 'done', fingerprint: item.deployment?.fingerprint, served: looks })
  return true
}

/** Has the agent asked what there is, and says that it could not look. */
async function failLook(scene: Scene, agent: SceneAgent): Promise<void> {
  await dueVerifications.run(scene.services, never)
  const item = only(await agent.claim(), 'Verification')
  await agent.report(item, { outcome: 'failed', code: 'upstream_auth_failed', message: 'the target shut us out' })
}

const unreachable = async ({ services: { store } }: Scene) =>
  (await store.events.page({ type: 'placement.unreachable' }, { limit: 9, count: false })).rows

describe('a placement', () => {
  it('is looked at soon after a deployment, and then as often as the settings say', async () => {
    await withScene({}, async (scene) => {
      const { agent, fingerprint } = await served(scene)
      const { clock } = scene.services
      expect(await look(scene, agent, [{ fingerprint }])).toBe(false)
      clock.advance(3)
      expect(await look(scene, agent, [{ fingerprint }])).toBe(true)
      clock.advance(3000)
      expect(await look(scene, agent, [{ fingerprint }])).toBe(false)
      clock.advance(1100)
      expect(await look(scene, agent, [{ fingerprint }])).toBe(true)
    })
  })

  it('whose service takes the old certificate up again is found and repaired, and both are told', async () => {
    await withScene({}, async (scene) => {
      const { id, agent, fingerprint } = await served(scene)
      const { clock, store } = scene.services
      clock.advance(90)
      await look(scene, agent, [{ fingerprint: 'ab'.repeat(32) }])
      expect(await listPlacements(scene.services, id)).toMatchObject([
        { state: 'drifted', cause: { code: 'conflict' } },
      ])
      const repair = only(await agent.claim(), 'Deployment')
      await agent.deployed(repair)
      expect(await listPlacements(scene.services, id)).toMatchObject([
        { state: 'served', served_fingerprint: fingerprint },
      ])
      const types = (await store.events.page({}, { limit: 20, count: false })).rows.map(({ type }) => type)
      expect(types).toEqual(expect.arrayContaining(['placement.drifted', 'placement.recovered']))
    })
  })

  it('of which one of several endpoints shows a stranger has drifted', async () => {
    await withScene({}, async (scene) => {
      const { id, agent, fingerprint } = await served(scene)
      scene.services.clock.advance(90)
      await look(scene, agent, [{ fingerprint }, { endpoint: 'mail.example.test:25', fingerprint: 'cd'.repeat(32) }])
      const [placement] = await listPlacements(scene.services, id)
      expect(placement?.cause?.message).toContain('mail.example.test:25 serves cdcd')
    })
  })

  it('that falls silent says so at once, is told of at the second look, and recovers by itself', async () => {
    await withScene({}, async (scene) => {
      const { id, agent, fingerprint } = await served(scene)
      const { clock } = scene.services
      const alerts = async () => await unreachable(scene)
      const silent = { detail: 'connection refused' }
      clock.advance(3)
      await look(scene, agent, [silent])
      expect(await listPlacements(scene.services, id)).toMatchObject([
        { state: 'deployed', cause: { code: 'upstream_unavailable' } },
      ])
      expect(await alerts()).toEqual([])
      clock.advance(120)
      await look(scene, agent, [silent])
      expect(await alerts()).toMatchObject([
        { resolved_at: null, data: { command: `certctl certificates placements ${id}` } },
      ])
      clock.advance(120)
      await look(scene, agent, [{ fingerprint }])
      expect(await listPlacements(scene.services, id)).toMatchObject([{ state: 'served' }])
      expect((await alerts()).map(({ resolved_at }) => resolved_at === null)).toEqual([false])
    })
  })

  it('that cannot be looked at says so, with when it was last seen, is told of at the second look, and recovers by itself', async () => {
    await withScene({}, async (scene) => {
      const { id, agent, fingerprint } = await served(scene)
      const { clock, store } = scene.services
      const [before] = await store.placements.listOfCertificate(id)
      clock.advance(5000)
      await failLook(scene, agent)
      const cause = { cause_code: 'upstream_auth_failed', cause_message: 'the target shut us out' }
      const [unseen] = await store.placements.listOfCertificate(id)
      expect(unseen).toMatchObject({ ...cause, state: 'deployed', observed_at: before?.observed_at })
      expect(await unreachable(scene)).toEqual([])
      clock.advance(5000)
      await failLook(scene, agent)
      expect(await unreachable(scene)).toMatchObject([
        { resolved_at: null, title: expect.stringContaining('the target shut us out; run: certctl ') },
      ])
      clock.advance(5000)
      await look(scene, agent, [{ fingerprint }])
      expect(await listPlacements(scene.services, id)).toMatchObject([{ state: 'served' }])
      expect(await unreachable(scene)).toMatchObject([{ resolved_at: clock.now() }])
    })
  })

  it('that cannot be seen and then shows a stranger is told of as drifted, once, in place of what was told before', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      const { clock, store } = scene.services
      for (const _ of [1, 2]) {
        clock.advance(5000)
        await look(scene, agent, [{ detail: 'connection refused' }])
      }
      clock.advance(5000)
      await look(scene, agent, [{ fingerprint: 'ab'.repeat(32) }])
      const drifted = async () =>
        (await store.events.page({ type: 'placement.drifted' }, { limit: 9, count: false })).rows
      const [silence] = await unreachable(scene)
      expect(silence).toMatchObject({ resolved_at: clock.now() })
      expect(await drifted()).toMatchObject([
        { resolved_at: null, resolves_event_id: silence?.id, title: expect.stringContaining('serves abab') },
      ])
      for (const seen of [{ detail: 'connection refused' }, { fingerprint: 'ab'.repeat(32) }]) {
        const one = { endpoint: 'www.example.test:443', chain_ok: true, at: clock.now().toISOString(), ...seen }
        const placements = [{ certificate_id: id, target_id: 'target-a', served: [one] }]
        await recordObservations(scene.services, {
          agentId: agent.id,
          actor: agent.actor,
          observations: { placements },
        })
      }
      expect(await drifted()).toHaveLength(1)
      await agent.deployed(only(await agent.claim(), 'Deployment'))
      expect(await drifted()).toMatchObject([{ resolved_at: clock.now() }])
    })
  })

  it('that could not be looked at and shows nothing when it can is unverifiable, and nobody is troubled any more', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      for (const _ of [1, 2]) {
        scene.services.clock.advance(5000)
        await failLook(scene, agent)
      }
      scene.services.clock.advance(5000)
      await look(scene, agent, [])
      expect(await listPlacements(scene.services, id)).toMatchObject([{ state: 'unverifiable' }])
      expect(await unreachable(scene)).toMatchObject([{ resolved_at: scene.services.clock.now() }])
    })
  })

  it('that nobody can prove says why, and what would help', async () => {
    await withScene({}, async (scene) => {
      const { agent, id } = await served(scene)
      await scene.target('target-b', agent.id)
      await linkTarget(scene.services, { certificateId: id, targetId: 'target-b', actor: operator })
      const receipt = { changed: true, served: 'unverifiable', location: '/x', effective: 'now' } as const
      await agent.deployed(only(await agent.claim()), { receipt })
      const causeOf = async () =>
        (await listPlacements(scene.services, id)).find(({ target_id }) => target_id === 'target-b')
      expect(await causeOf()).toMatchObject({ state: 'unverifiable', cause: { code: 'unsupported' } })
      expect((await causeOf())?.cause?.message).toContain('certctl targets update target-b --set endpoints=')
    })
  })

  it('behind an address that another holder answers is unverifiable, says so, and is not undone', async () => {
    await withScene({}, async (scene) => {
      const { agent, id } = await served(scene)
      const other = await scene.agent('agent-b')
      await scene.target('target-b', other.id)
      await linkTarget(scene.services, { certificateId: id, targetId: 'target-b', actor: operator })
      const asked = only(await other.claim())
      await other.submit(asked, await other.csr(asked))
      await scene.work()
      const item = only(await other.claim(), 'Deployment')
      await other.deployed(item)
      for (const seen of [
        { detail: 'refused' },
        { detail: 'refused' },
        { fingerprint: item.deployment?.fingerprint },
      ]) {
        scene.services.clock.advance(300)
        await look(scene, agent, [seen])
      }
      expect(await unreachable(scene)).toMatchObject([{ resolved_at: scene.services.clock.now() }])
      const placement = (await listPlacements(scene.services, id)).find(({ target_id }) => target_id === 'target-a')
      expect(placement?.state).toBe('unverifiable')
      expect(placement?.cause?.message).toContain('the certificate that another agent holds')
    })
  })
})

describe('how a deployment is proven', () => {
  it('is said with its job: served, not served yet, or not to be known', async () => {
    await withScene({}, async (scene) => {
      const { id, agent, fingerprint } = await served(scene)
      const jobs = async () => {
        const filter = { certificateId: id, kinds: ['deploy'] as const }
        const { rows } = await scene.services.store.jobs.page(filter, { limit: 9, count: false })
        return Object.fromEntries(rows.map((row) => [row.target_id, jobView(row)]))
      }
      expect(await jobs()).toMatchObject({
        'target-a': { verification_status: 'success', verification_fingerprint: fingerprint },
      })
      const deployTo = async (targetId: string, said: Partial<JobReport>) => {
        await scene.target(targetId, agent.id)
        await linkTarget(scene.services, { certificateId: id, targetId, actor: operator })
        await agent.deployed(only(await agent.claim(), 'Deployment'), said)
      }
      const receipt = { changed: true, location: '/x', effective: 'now' } as const
      await deployTo('target-b', { receipt: { ...receipt, served: 'unverifiable' } })
      await deployTo('target-c', { outcome: 'failed', code: 'deploy_failed', message: 'no room' })
      await deployTo('target-d', { receipt: { ...receipt, served: 'later' } })
      expect(await jobs()).toMatchObject({
        'target-b': { verification_status: 'skipped' },
        'target-c': { verification_status: 'skipped' },
        'target-d': { verification_status: 'pending' },
      })
      scene.services.clock.advance(3)
      await dueVerifications.run(scene.services, never)
      const asked = (await agent.claim()).filter(({ target_id }) => target_id === 'target-d')
      const seen = { endpoint: 'd:443', chain_ok: true, at: scene.services.clock.now().toISOString(), fingerprint }
      await agent.report(only(asked, 'Verification'), { outcome: 'done', fingerprint, served: [seen] })
      expect(await jobs()).toMatchObject({ 'target-d': { verification_status: 'success', verified_at: seen.at } })
    })
  })

  it('is not to be known either where a later look finds that no handshake can show it, until one does', async () => {
    await withScene({}, async (scene) => {
      const { id, agent, fingerprint } = await served(scene)
      const { clock, store } = scene.services
      const deployed = async (targetId: string, served: 'served' | 'later') => {
        await scene.target(targetId, agent.id)
        await linkTarget(scene.services, { certificateId: id, targetId, actor: operator })
        const receipt = { changed: true, location: '/x', effective: 'now', served } as const
        await agent.deployed(only(await agent.claim(), 'Deployment'), { receipt })
      }
      await deployed('target-b', 'later')
      await deployed('target-c', 'later')
      const statuses = async () => {
        const { rows } = await store.jobs.page({ certificateId: id, kinds: ['deploy'] }, { limit: 9, count: false })
        return Object.fromEntries(rows.map((row) => [row.target_id, jobView(row).verification_status]))
      }
      const see = async (targetId: string, said: Partial<JobReport>) => {
        clock.advance(5000)
        await dueVerifications.run(scene.services, never)
        const asked = (await agent.claim()).filter(({ target_id }) => target_id === targetId)
        await agent.report(only(asked, 'Verification'), { outcome: 'done', fingerprint, ...said })
      }
      const held = { matches: true, location: '/x', found_fingerprint: fingerprint }
      await see('target-a', { verification: held, served: [] })
      await see('target-b', { verification: held, served: [] })
      expect(await statuses()).toEqual({ 'target-a': 'success', 'target-b': 'skipped', 'target-c': 'pending' })
      const shown = { endpoint: 'b:443', chain_ok: true, at: clock.now().toISOString(), fingerprint }
      await see('target-b', { verification: held, served: [shown] })
      await see('target-c', { served: [] })
      expect(await statuses()).toEqual({ 'target-a': 'success', 'target-b': 'success', 'target-c': 'skipped' })
    })
  })

  it('is what the target says; where it says nothing, what the server is set to', () => {
    const set = { verify_deployment: false, verify_timeout: 3 }
    const usual = { verify_deployment: true, verify_timeout: 10 }
    expect(verifiedConfig(usual, { a: 1 })).toEqual({ a: 1 })
    expect(verifiedConfig(set, { a: 1 })).toEqual({ a: 1, post_deploy_verify: { enabled: false, timeout: '3s' } })
    const own = { post_deploy_verify: { enabled: true, attempts: 5, backoff: '1s', endpoint: 'x:443' } }
    expect(verifiedConfig(usual, own)).toEqual(own)
    expect(verifiedConfig(set, own)).toEqual({ post_deploy_verify: { ...own.post_deploy_verify, timeout: '3s' } })
  })

  it('reaches the agent with the deployment and with every look', async () => {
    await withScene({}, async (scene) => {
      const { agent, id, fingerprint } = await served(scene)
      await scene.target('target-b', agent.id, { post_deploy_verify: { attempts: 3, timeout: '5s' } })
      await linkTarget(scene.services, { certificateId: id, targetId: 'target-b', actor: operator })
      const environment = {
        CERTCTL_VERIFY_DEPLOYMENT: 'false',
        CERTCTL_VERIFY_TIMEOUT: '4s',
        CERTCTL_VERIFY_DELAY: '9s',
      }
      const { database, clock } = scene.services
      const set = await createTestServices({ environment, database, clock, registry: scene.services.registry })
      clock.advance(3)
      await dueVerifications.run(set, never)
      const question = { agentId: agent.id, holding: [], waitSeconds: 0, leaseSeconds: 60, boot: undefined }
      const { jobs } = await claimAgentWork(set, { ...question, signal: never })
      expect(jobs.map(({ type, target_id, target_config }) => [type, target_id, target_config])).toEqual([
        ['Deployment', 'target-b', { post_deploy_verify: { attempts: 3, timeout: '5s', enabled: false } }],
        ['Verification', 'target-a', { post_deploy_verify: { enabled: false, timeout: '4s' } }],
      ])
      expect(fingerprint).not.toBe('')
      await set.close()
    })
  })
})
