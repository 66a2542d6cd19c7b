import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { deployCertificate } from '../../src/lifecycle/placement/deploy-certificate.js'
import { recordObservations } from '../../src/lifecycle/verification/record-observations.js'
import { dueVerifications } from '../../src/schedule/due-verifications.js'
import { reconcilePlacements } from '../../src/schedule/reconcile-placements.js'
import { createScene, only, operator, type Scene, type SceneAgent, served } from './scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal
const stranger = 'c'.repeat(64)
let count = 0

interface Standing {
  id: string
  agent: SceneAgent
  targetId: string
  fingerprint: string
}

async function standing(config: object = {}): Promise<Standing> {
  count += 1
  const targetId = `target-${count}`
  const story = await served(scene, { name: `n${count}.example.test`, agentId: `agent-${count}`, targetId })
  await scene.services.store.transaction(
    async (tx) => await tx.targets.update(targetId, { config: JSON.stringify(config) }),
  )
  return { ...story, targetId }
}

async function placementOf(id: string, targetId?: string) {
  const placements = await scene.services.store.placements.listOfCertificate(id)
  const placement = placements.find(({ target_id }) => targetId === undefined || target_id === targetId)
  if (placement === undefined) throw new Error('there is no placement')
  return placement
}

async function redeploy({ id, agent }: Standing) {
  await deployCertificate(scene.services, { certificateId: id, actor: operator })
  return only(await agent.claim(), 'Deployment')
}

const seen = (fingerprint: string) => ({
  endpoint: 'www.example:443',
  fingerprint,
  chain_ok: true,
  at: scene.services.clock.now().toISOString(),
})

async function observe({ id, agent, targetId }: Standing, what: object): Promise<void> {
  await recordObservations(scene.services, {
    agentId: agent.id,
    actor: agent.actor,
    observations: { placements: [{ target_id: targetId, certificate_id: id, ...what }] },
  })
}

const isAlert = async (placementId: string, severity: string) =>
  await scene.services.store.events.isOpen(`placement:${placementId}:${severity}`)

describe('a deployment that fails', () => {
  it('says why and when it is tried again, is tried again with growing pauses, and resolves its alert when it works', async () => {
    const story = await standing()
    let deployment = await redeploy(story)
    const pauses: number[] = []
    for (let failure = 1; failure <= 3; failure += 1) {
      await story.agent.report(deployment, { outcome: 'failed', code: 'deploy_failed', message: 'nginx -t said no' })
      const placement = await placementOf(story.id)
      expect(placement).toMatchObject({
        state: 'failed',
        cause_code: 'deploy_failed',
        cause_message: 'nginx -t said no',
        failures: failure,
      })
      const seconds = ((placement.next_attempt_at?.getTime() ?? 0) - scene.services.clock.now().getTime()) / 1000
      pauses.push(seconds)
      expect(await story.agent.claim()).toEqual([])
      scene.services.clock.advance(seconds)
      deployment = only(await story.agent.claim(), 'Deployment')
    }
    expect(pauses[1]).toBeGreaterThan(pauses[0] ?? 0)
    expect(pauses[2]).toBeGreaterThan(pauses[1] ?? 0)
    const { id } = await placementOf(story.id)
    expect(await isAlert(id, 'warning')).toBe(true)
    await story.agent.deployed(deployment)
    expect(await placementOf(story.id)).toMatchObject({ state: 'served', failures: 0, cause_code: null })
    expect(await isAlert(id, 'warning')).toBe(false)
  })

  it('and could not be undone wakes somebody, and is tried again', async () => {
    const story = await standing()
    await story.agent.report(await redeploy(story), {
      outcome: 'torn',
      code: 'deploy_torn',
      message: 'half of it is there',
    })
    const placement = await placementOf(story.id)
    expect(placement).toMatchObject({ state: 'failed', cause_code: 'deploy_torn' })
    expect(await isAlert(placement.id, 'critical')).toBe(true)
    scene.services.clock.advance(61)
    await story.agent.deployed(only(await story.agent.claim(), 'Deployment'))
    expect(await isAlert(placement.id, 'critical')).toBe(false)
  })

  it('for one target does not stop another', async () => {
    const story = await standing()
    count += 1
    await scene.target(`target-${count}`, story.agent.id)
    const { linkTarget } = await import('../../src/lifecycle/placement/link-target.js')
    await linkTarget(scene.services, { certificateId: story.id, targetId: `target-${count}`, actor: operator })
    await deployCertificate(scene.services, { certificateId: story.id, targetId: story.targetId, actor: operator })
    const [one, two] = await story.agent.claim()
    if (one === undefined || two === undefined) throw new Error('two deployments were expected')
    await story.agent.report(one, { outcome: 'failed', code: 'deploy_failed', message: 'no' })
    await story.agent.deployed(two)
    const states = (await scene.services.store.placements.listOfCertificate(story.id)).map(({ state }) => state)
    expect(states.toSorted()).toEqual(['failed', 'served'])
  })

  it('to a target that is off takes no place among what its agent may be offered', async () => {
    const story = await standing()
    const turn = async (enabled: boolean) =>
      await scene.services.store.transaction(async (tx) => await tx.targets.update(story.targetId, { enabled }))
    const offered = async () =>
      await scene.services.store.jobs.listOffered(story.agent.id, { now: scene.services.clock.now(), holding: [] })
    await deployCertificate(scene.services, { certificateId: story.id, actor: operator })
    expect(await offered()).toHaveLength(1)
    await turn(false)
    expect(await offered()).toEqual([])
    await turn(true)
    expect(await offered()).toHaveLength(1)
    await story.agent.deployed(only(await story.agent.claim(), 'Deployment'))
  })

  it('because the key is gone brings a new certificate with a new key, but none for one that is new', async () => {
    const story = await standing()
    const issued = scene.ca.signed.length
    const gone = { outcome: 'failed', code: 'not_found', message: 'the key is not on this host' } as const
    await story.agent.report(await redeploy(story), gone)
    expect(await story.agent.claim()).toEqual([])
    scene.services.clock.advance(3600)
    await story.agent.report(only(await story.agent.claim(), 'Deployment'), gone)
    const asked = only(await story.agent.claim(), 'Renewal')
    await story.agent.submit(asked, await story.agent.csr(asked))
    await scene.work()
    const next = only(await story.agent.claim(), 'Deployment')
    expect(next.deployment?.fingerprint).not.toBe(story.fingerprint)
    await story.agent.report(next, gone)
    expect(await story.agent.claim()).toEqual([])
    expect(scene.ca.signed.length).toBe(issued + 1)
    scene.services.clock.advance(120)
    await story.agent.deployed(only(await story.agent.claim(), 'Deployment'))
    expect(await placementOf(story.id)).toMatchObject({ state: 'served' })
  })

  it('because the target lacks something costs no certificate', async () => {
    const story = await standing()
    const issued = scene.ca.signed.length
    scene.services.clock.advance(3600)
    const lack = { code: 'not_found', message: 'answered 404', served: [] }
    await story.agent.report(await redeploy(story), { outcome: 'failed', ...lack })
    expect(await story.agent.claim()).toEqual([])
    expect(await placementOf(story.id)).toMatchObject({ state: 'failed', cause_message: 'answered 404' })
    expect(scene.ca.signed.length).toBe(issued)
  })

  it('has its pause whatever version it names', async () => {
    const story = await standing()
    const { target_generation } = (await redeploy(story)).deployment ?? {}
    let rounds = 0
    for (; rounds < 9; rounds += 1) {
      const [item] = (await story.agent.claim()).filter(({ type }) => type === 'Deployment')
      if (item === undefined) break
      const names = { fingerprint: stranger, target_generation }
      await story.agent.report(item, { outcome: 'failed', code: 'deploy_failed', message: 'no', ...names })
    }
    expect(rounds).toBe(1)
    expect(await placementOf(story.id)).toMatchObject({ state: 'failed', failures: 1 })
  })

  it('keeps a code of nobody’s as a failed deployment', async () => {
    const story = await standing()
    await story.agent.report(await redeploy(story), { outcome: 'failed', code: 'gremlins', message: 'odd' })
    expect(await placementOf(story.id)).toMatchObject({ cause_code: 'deploy_failed', cause_message: 'odd' })
  })
})

describe('a deployment that is done', () => {
  it('is not called served before somebody saw it served', async () => {
    const story = await standing()
    const receipt = { changed: true, location: '/x', effective: 'after-restart' as const }
    await story.agent.deployed(await redeploy(story), { receipt: { ...receipt, served: 'later' } })
    expect(await placementOf(story.id)).toMatchObject({ state: 'deployed' })
    await story.agent.deployed(await redeploy(story), { receipt: { ...receipt, served: 'unverifiable' } })
    expect(await placementOf(story.id)).toMatchObject({ state: 'unverifiable' })
  })

  it('must say what was deployed', async () => {
    const story = await standing()
    const deployment = await redeploy(story)
    await expect(story.agent.report(deployment, { outcome: 'done' })).rejects.toMatchObject({
      code: 'request_malformed',
    })
    await story.agent.deployed(deployment)
  })

  it('is no business of another agent', async () => {
    const story = await standing()
    const deployment = await redeploy(story)
    const other = await scene.agent(`agent-other-${count}`)
    await expect(other.deployed(deployment)).rejects.toMatchObject({ code: 'not_found' })
    await story.agent.deployed(deployment)
  })
})

describe('a lost job', () => {
  it('is made again by the reconciler', async () => {
    const story = await standing()
    await deployCertificate(scene.services, { certificateId: story.id, actor: operator })
    const [job] = await scene.services.store.jobs.listOpenOfCertificate(story.id, 'deploy')
    await scene.services.store.jobs.update(job?.id ?? '', { state: 'cancelled' })
    await reconcilePlacements.run(scene.services, never)
    await story.agent.deployed(only(await story.agent.claim(), 'Deployment'))
    expect(await placementOf(story.id)).toMatchObject({ state: 'served' })
  })

  it('of an agent that died is offered to it again as soon as it is back, and counts as another attempt', async () => {
    const story = await standing()
    const dead = await redeploy(story)
    const again = only(await story.agent.claim(), 'Deployment')
    expect(again).toMatchObject({ id: dead.id, attempt: 2, deployment: { id: dead.deployment?.id } })
    expect(await story.agent.claim([again.id])).toEqual([])
    await story.agent.deployed(again)
  })
})

describe('drift', () => {
  it('that an agent observes is repaired, with an alert until it is', async () => {
    const story = await standing()
    scene.services.clock.advance(120)
    await observe(story, { file: { matches: false, location: '/etc/a.pem', found_fingerprint: stranger } })
    const placement = await placementOf(story.id)
    expect(placement).toMatchObject({ state: 'drifted', cause_message: expect.stringContaining('/etc/a.pem') })
    expect(await isAlert(placement.id, 'warning')).toBe(true)
    await story.agent.deployed(only(await story.agent.claim(), 'Deployment'))
    expect(await placementOf(story.id)).toMatchObject({ state: 'served', cause_code: null })
    expect(await isAlert(placement.id, 'warning')).toBe(false)
  })

  it('is seen by the handshakes of the hourly look, too', async () => {
    const story = await standing()
    scene.services.clock.advance(2 * 3600)
    await dueVerifications.run(scene.services, never)
    const look = only((await story.agent.claim()).filter(({ type }) => type === 'Verification'))
    await story.agent.report(look, { outcome: 'done', fingerprint: story.fingerprint, served: [seen(stranger)] })
    expect(await placementOf(story.id)).toMatchObject({ state: 'drifted' })
    await story.agent.deployed(only(await story.agent.claim(), 'Deployment'))
  })

  it('is not repaired more than once a minute: a fight is not won by speed', async () => {
    const story = await standing()
    await observe(story, { file: { matches: false, location: '/etc/a.pem', found_fingerprint: stranger } })
    expect(await story.agent.claim()).toEqual([])
    scene.services.clock.advance(61)
    await story.agent.deployed(only(await story.agent.claim(), 'Deployment'))
  })

  it('is not what the grace of a target allows, and is after it', async () => {
    const story = await standing({ grace: '10m' })
    const receipt = { changed: true, served: 'later' as const, location: '/x', effective: 'after-restart' as const }
    await story.agent.deployed(await redeploy(story), { receipt })
    scene.services.clock.advance(300)
    await observe(story, { served: [seen(stranger)] })
    expect(await placementOf(story.id)).toMatchObject({ state: 'deployed', served_fingerprint: stranger })
    scene.services.clock.advance(301)
    await observe(story, { served: [seen(stranger)] })
    expect(await placementOf(story.id)).toMatchObject({ state: 'drifted' })
  })

  it('is not a handshake from before the last deployment', async () => {
    const story = await standing()
    const old = seen(stranger)
    scene.services.clock.advance(60)
    await story.agent.deployed(await redeploy(story))
    await observe(story, { served: [old] })
    expect(await placementOf(story.id)).toMatchObject({ state: 'served' })
  })

  it('of another agent’s target is not believed', async () => {
    const story = await standing()
    const other = await scene.agent(`agent-liar-${count}`)
    scene.services.clock.advance(120)
    await observe({ ...story, agent: other }, { file: { matches: false, location: '/x' } })
    expect(await placementOf(story.id)).toMatchObject({ state: 'served' })
  })

  it('during a deployment is left to the deployment', async () => {
    const story = await standing()
    const deployment = await redeploy(story)
    await observe(story, { file: { matches: false, location: '/x', found_fingerprint: stranger } })
    expect(await placementOf(story.id)).toMatchObject({ state: 'deploying' })
    await story.agent.deployed(deployment)
  })
})

describe('a look', () => {
  it('turns deployed into served when the endpoint has caught up, and is taken again an hour later', async () => {
    const story = await standing({ grace: '1h' })
    const receipt = { changed: true, served: 'later' as const, location: '/x', effective: 'after-restart' as const }
    await story.agent.deployed(await redeploy(story), { receipt })
    scene.services.clock.advance(600)
    await dueVerifications.run(scene.services, never)
    await dueVerifications.run(scene.services, never)
    const look = only(await story.agent.claim(), 'Verification')
    await story.agent.report(look, {
      outcome: 'done',
      fingerprint: story.fingerprint,
      served: [seen(story.fingerprint)],
    })
    const placement = await placementOf(story.id)
    expect(placement).toMatchObject({ state: 'served', served_fingerprint: story.fingerprint })
    const minutes = ((placement.verify_at?.getTime() ?? 0) - scene.services.clock.now().getTime()) / 60_000
    expect(minutes).toBeGreaterThan(50)
    expect(minutes).toBeLessThan(70)
  })

  it('that meets a sibling behind a load balancer undoes nothing', async () => {
    const story = await standing()
    count += 1
    const other = await scene.agent(`agent-sibling-${count}`)
    await scene.target(`target-sibling-${count}`, other.id)
    const { linkTarget } = await import('../../src/lifecycle/placement/link-target.js')
    await linkTarget(scene.services, { certificateId: story.id, targetId: `target-sibling-${count}`, actor: operator })
    const asked = only(await other.claim(), 'Issuance')
    await other.submit(asked, await other.csr(asked))
    await scene.work()
    const sibling = only(await other.claim(), 'Deployment')
    await other.deployed(sibling)
    scene.services.clock.advance(120)
    await observe(story, { served: [seen(sibling.deployment?.fingerprint ?? '')] })
    expect(await placementOf(story.id, story.targetId)).toMatchObject({ state: 'unverifiable' })
    expect(await story.agent.claim()).toEqual([])
  })

  it('is not asked of agents of the first protocol, which know none', async () => {
    count += 1
    const old = await scene.agent(`agent-old-${count}`, { old: true })
    await scene.target(`target-old-${count}`, old.id)
    const { id } = await scene.request({ commonName: `old${count}.example.test`, targetIds: [`target-old-${count}`] })
    const asked = only(await old.claim())
    await old.submit(asked, await old.csr(asked))
    await scene.work()
    expect(await old.claim()).toHaveLength(1)
    const placement = await placementOf(id)
    await scene.services.store.placements.update(placement.id, { verify_at: scene.services.clock.now() })
    await dueVerifications.run(scene.services, never)
    expect(await scene.services.store.jobs.findOpenOfPlacement(placement.id, 'verify')).toBeUndefined()
  })
})

describe('what is asked for by hand', () => {
  it('is refused where there is nothing to deploy, and says why', async () => {
    const { id } = await scene.request({ commonName: 'nowhere.example.test' })
    const ask = async (targetId?: string) =>
      await deployCertificate(scene.services, { certificateId: id, targetId, actor: operator })
    await expect(ask()).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('no target') })
    await expect(ask('target-none')).rejects.toMatchObject({ code: 'not_found' })
  })
})
