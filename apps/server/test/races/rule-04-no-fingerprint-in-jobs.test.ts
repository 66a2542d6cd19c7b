import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { createScene, only, operator, type Scene, type SceneAgent, served } from '../lifecycle/scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

async function renew(id: string, agent: SceneAgent, holding: string[] = []): Promise<string> {
  await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true })
  const asked = only(await agent.claim(holding), 'Renewal')
  await agent.submit(asked, await agent.csr(asked))
  await scene.work()
  const [current] = await scene.services.store.versions.listCurrent(id)
  return current?.fingerprint ?? ''
}

async function placementOf(id: string) {
  const [placement] = await scene.services.store.placements.listOfCertificate(id)
  return placement
}

async function auditOf(placementId: string, action: string): Promise<number> {
  return await scene.services.store.auditEvents.count({ action, resource_id: placementId }, 100)
}

describe('rule 4: a deployment job carries no fingerprint', () => {
  it('hands out what is desired when it is claimed, not what was when it was queued', async () => {
    const { id, agent } = await served(scene, { name: 'a.example.test', agentId: 'agent-a', targetId: 'target-a' })
    const second = await renew(id, agent)
    const third = await renew(id, agent, [])
    expect(third).not.toBe(second)
    // The job is the one that was queued for the second version.
    const jobs = await scene.services.store.jobs.listOpenOfCertificate(id, 'deploy')
    expect(jobs).toHaveLength(1)
    const deployment = only((await agent.claim()).filter(({ type }) => type === 'Deployment'))
    expect(deployment.deployment?.fingerprint).toBe(third)
    await agent.deployed(deployment)
  })

  it('does not call served what was deployed when something newer was desired by then, and deploys again', async () => {
    const { id, agent } = await served(scene, { name: 'b.example.test', agentId: 'agent-b', targetId: 'target-b' })
    const second = await renew(id, agent)
    const deployment = only(await agent.claim(), 'Deployment')
    const third = await renew(id, agent, [deployment.id])
    await agent.deployed(deployment)

    expect(await placementOf(id)).toMatchObject({
      state: 'pending',
      deployed_fingerprint: second,
      desired_fingerprint: third,
    })
    const next = only(await agent.claim(), 'Deployment')
    expect(next.deployment?.fingerprint).toBe(third)
    await agent.deployed(next)
    expect(await placementOf(id)).toMatchObject({ state: 'served', served_fingerprint: third })
  })

  it('settles the same report once, and answers it well twice', async () => {
    const { id, agent } = await served(scene, { name: 'c.example.test', agentId: 'agent-c', targetId: 'target-c' })
    await renew(id, agent)
    const deployment = only(await agent.claim(), 'Deployment')
    await agent.deployed(deployment)
    const before = await placementOf(id)
    const deployedBefore = await auditOf(before?.id ?? '', 'placement.deployed')
    await agent.deployed(deployment)
    await agent.report(deployment, { outcome: 'failed', code: 'deploy_failed', message: 'said later' })
    expect(await placementOf(id)).toEqual(before)
    expect(await auditOf(before?.id ?? '', 'placement.deployed')).toBe(deployedBefore)
  })

  it('keeps a report under a lost lease as an observation, and nothing else', async () => {
    const { id, agent } = await served(scene, { name: 'd.example.test', agentId: 'agent-d', targetId: 'target-d' })
    await renew(id, agent)
    const lost = only(await agent.claim(), 'Deployment')
    // A restarted agent holds nothing: the job is offered again, under a new lease.
    const again = only(await agent.claim([]), 'Deployment')
    expect(again.lease).not.toBe(lost.lease)
    const failure = { outcome: 'failed' as const, code: 'deploy_failed', message: 'from the one thought dead' }
    await expect(agent.report(lost, failure)).rejects.toMatchObject({ code: 'conflict' })
    const placement = await placementOf(id)
    expect(placement).toMatchObject({ state: 'deploying', failures: 0 })
    expect(await auditOf(placement?.id ?? '', 'placement.observed')).toBe(1)
    await agent.deployed(again)
    expect(await placementOf(id)).toMatchObject({ state: 'served' })
  })
})
