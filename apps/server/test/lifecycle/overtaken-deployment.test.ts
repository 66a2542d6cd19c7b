import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { listPlacements } from '../../src/inventory/certificate-parts.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { cancelJob } from '../../src/lifecycle/cancel-job.js'
import { deployCertificate } from '../../src/lifecycle/placement/deploy-certificate.js'
import { revokeCertificate } from '../../src/lifecycle/revocation/revoke-certificate.js'
import { holdTransaction, untilBlocked } from '../races/steps.js'
import { createScene, only, operator, type Scene, served } from './scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

let count = 0

/** A deployment that its agent has claimed, and a newer version that is desired since. */
async function overtaken() {
  count += 1
  const { id, agent } = await served(scene, {
    name: `n${count}.example.test`,
    agentId: `agent-${count}`,
    targetId: `target-${count}`,
  })
  await deployCertificate(scene.services, { certificateId: id, actor: operator })
  const older = only(await agent.claim(), 'Deployment')
  scene.services.clock.advance(1)
  await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true })
  const asked = only(await agent.claim([older.id]), 'Renewal')
  await agent.submit(asked, await agent.csr(asked))
  await scene.work()
  const { fingerprint, target_generation } = older.deployment ?? {}
  const placement = async () => {
    const [found] = await scene.services.store.placements.listOfCertificate(id)
    if (found === undefined) throw new Error('there is no placement')
    return found
  }
  return { agent, older, named: { fingerprint, target_generation }, placement }
}

describe('a failure with an older version than is desired by now', () => {
  it.each([
    { outcome: 'failed', code: 'not_found' },
    { outcome: 'refused', code: 'policy_denied' },
    { outcome: 'failed', code: 'deploy_failed' },
  ] as const)('says nothing of the newer one ($code)', async ({ outcome, code }) => {
    const { agent, older, named, placement } = await overtaken()
    await agent.report(older, { outcome, code, message: 'not this one', ...named })
    expect(await placement()).toMatchObject({ failures: 0, cause_code: null, blocked_code: null })
    const next = only(await agent.claim(), 'Deployment')
    expect(next.deployment?.fingerprint).not.toBe(named.fingerprint)
    await agent.deployed(next)
    expect(await placement()).toMatchObject({ state: 'served' })
    expect(await agent.claim()).toEqual([])
  })

  it('is told of where it left the service half changed', async () => {
    const { agent, older, named, placement } = await overtaken()
    await agent.report(older, { outcome: 'torn', code: 'deploy_torn', message: 'half of it', ...named })
    const { id, state, cause_code } = await placement()
    expect({ state, cause_code }).toEqual({ state: 'failed', cause_code: 'deploy_torn' })
    expect(await scene.services.store.events.isOpen(`placement:${id}:critical`)).toBe(true)
  })
})

/** A deployment of a renewed version that its agent has claimed. */
async function underWay() {
  count += 1
  const targetId = `target-${count}`
  const story = await served(scene, { name: `n${count}.example.test`, agentId: `agent-${count}`, targetId })
  const { id, agent } = story
  await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
  const asked = only(await agent.claim(), 'Renewal')
  await agent.submit(asked, await agent.csr(asked))
  await scene.work()
  const item = only(await agent.claim(), 'Deployment')
  const placement = async () => await scene.services.store.placements.findPair(id, targetId)
  return { ...story, item, fingerprint: item.deployment?.fingerprint, placement, before: story.fingerprint }
}

describe('a deployment that was ended while it was under way', () => {
  const lost = { code: 'conflict' }
  const revocation = { reason: 'cessationOfOperation', reasonText: 'gone', actor: operator } as const

  it('and works all the same is known as what is there', async () => {
    const { agent, item, fingerprint, placement } = await underWay()
    await cancelJob(scene.services, { jobId: item.id, actor: operator })
    await expect(agent.deployed(item)).rejects.toMatchObject(lost)
    expect(await placement()).toMatchObject({
      state: 'served',
      deployed_fingerprint: fingerprint,
      served_fingerprint: fingerprint,
      blocked_code: null,
    })
  })

  it('by a revocation shows the revoked certificate where that is there, and is not looked after', async () => {
    const { id, agent, item, fingerprint, placement } = await underWay()
    await revokeCertificate(scene.services, { certificateId: id, ...revocation })
    await expect(agent.deployed(item)).rejects.toMatchObject(lost)
    const { frozen_at, ...found } = (await placement()) ?? {}
    expect(frozen_at).toEqual(expect.any(Date))
    expect(found).toMatchObject({ state: 'served', deployed_fingerprint: fingerprint, verify_at: null })
    scene.services.clock.advance(86_400)
    expect(await agent.claim()).toEqual([])
  })

  it('by a revocation is under way no longer where it failed', async () => {
    const { id, agent, item, before, placement } = await underWay()
    await revokeCertificate(scene.services, { certificateId: id, ...revocation })
    const report = { outcome: 'failed', code: 'deploy_failed', message: 'nginx -t says no' } as const
    await expect(agent.report(item, report)).rejects.toMatchObject(lost)
    expect(await placement()).toMatchObject({ state: 'failed', deployed_fingerprint: before })
  })

  it('by a revocation is under way no longer where its agent is never heard of again', async () => {
    const { id, before, placement } = await underWay()
    await revokeCertificate(scene.services, { certificateId: id, ...revocation })
    scene.services.clock.advance(86_400)
    expect(await placement()).toMatchObject({ state: 'failed', deployed_fingerprint: before, next_attempt_at: null })
    expect(await listPlacements(scene.services, id)).toMatchObject([
      { state: 'failed', cause: { code: 'already_revoked' } },
    ])
  })

  it('by a revocation after it left its service half changed still needs somebody', async () => {
    const { id, agent, item, placement } = await underWay()
    await agent.report(item, { outcome: 'torn', code: 'deploy_torn', message: 'half of it' })
    await deployCertificate(scene.services, { certificateId: id, actor: operator })
    only(await agent.claim(), 'Deployment')
    await revokeCertificate(scene.services, { certificateId: id, ...revocation })
    const { id: placementId, ...found } = (await placement()) ?? {}
    expect(found).toMatchObject({ state: 'failed', cause_code: 'deploy_torn' })
    expect(await scene.services.store.events.isOpen(`placement:${placementId}:critical`)).toBe(true)
  })

  it('by a revocation that came while it began is under way no longer either', async () => {
    const { id, agent, item, placement } = await underWay()
    await agent.report(item, { outcome: 'failed', code: 'deploy_failed', message: 'not yet' })
    const placementId = (await placement())?.id ?? ''
    const claim = await holdTransaction(scene.services, async (tx) => {
      await tx.placements.lock(placementId)
      await tx.placements.update(placementId, { state: 'deploying' })
    })
    const revoking = revokeCertificate(scene.services, { certificateId: id, ...revocation })
    await untilBlocked(scene.services)
    await claim.commit()
    await revoking
    expect(await placement()).toMatchObject({ state: 'failed' })
  })

  it('is not believed after its bound, when others may have been there', async () => {
    const { agent, item, before, placement } = await underWay()
    await cancelJob(scene.services, { jobId: item.id, actor: operator })
    scene.services.clock.advance(301)
    await expect(agent.deployed(item)).rejects.toMatchObject(lost)
    expect(await placement()).toMatchObject({ state: 'failed', deployed_fingerprint: before })
  })
})
