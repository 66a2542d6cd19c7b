import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { cancelJob } from '../../src/lifecycle/cancel-job.js'
import { redeployTarget } from '../../src/lifecycle/placement/redeploy-target.js'
import { createScene, only, operator, type Scene, served } from '../lifecycle/scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

async function changeTarget(targetId: string): Promise<void> {
  await scene.services.store.transaction(async (tx) => {
    const target = await tx.targets.lock(targetId)
    await tx.targets.update(targetId, { generation: (target?.generation ?? 0) + 1, config: '{"path":"/elsewhere"}' })
    await redeployTarget(scene.services, tx, { targetId, requestedBy: 'operator' })
  })
}

async function placementOf(id: string) {
  const [placement] = await scene.services.store.placements.listOfCertificate(id)
  return placement
}

describe('rule 5: results of an older generation are observations, not states', () => {
  it('does not believe that a certificate is served where its target was changed during the deployment', async () => {
    const { id, agent } = await served(scene, { name: 'a.example.test', agentId: 'agent-a', targetId: 'target-a' })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const asked = only(await agent.claim(), 'Renewal')
    await agent.submit(asked, await agent.csr(asked))
    await scene.work()
    const deployment = only(await agent.claim(), 'Deployment')
    const before = await placementOf(id)

    // Only the generation changes, as when somebody edits the row while the job goes on.
    await scene.services.store.transaction(async (tx) => {
      const target = await tx.targets.lock('target-a')
      await tx.targets.update('target-a', { generation: (target?.generation ?? 0) + 1 })
    })
    await agent.deployed(deployment)

    expect(await placementOf(id)).toMatchObject({
      state: 'pending',
      deployed_fingerprint: before?.deployed_fingerprint,
    })
    const again = only(await agent.claim(), 'Deployment')
    expect(again.deployment?.target_generation).toBe((deployment.deployment?.target_generation ?? 0) + 1)
    await agent.deployed(again)
    expect(await placementOf(id)).toMatchObject({ state: 'served' })
  })

  it('ends deployments for an older configuration and deploys with the new one', async () => {
    const { id, agent } = await served(scene, { name: 'b.example.test', agentId: 'agent-b', targetId: 'target-b' })
    await changeTarget('target-b')
    expect(await placementOf(id)).toMatchObject({ state: 'pending' })
    const deployment = only(await agent.claim(), 'Deployment')
    expect(deployment.target_config).toEqual({ path: '/elsewhere' })

    await changeTarget('target-b')
    await expect(agent.deployed(deployment)).rejects.toMatchObject({ code: 'conflict' })
    expect(await placementOf(id)).toMatchObject({ state: 'pending' })
    await agent.deployed(only(await agent.claim(), 'Deployment'))
    expect(await placementOf(id)).toMatchObject({ state: 'served' })
  })

  it('tries at once what was refused when the target is changed, and lifts what was cancelled then, and not before', async () => {
    const { id, agent } = await served(scene, { name: 'c.example.test', agentId: 'agent-c', targetId: 'target-c' })
    await changeTarget('target-c')
    const refused = only(await agent.claim(), 'Deployment')
    await agent.report(refused, { outcome: 'refused', code: 'policy_denied', message: 'not this directory' })
    expect(await placementOf(id)).toMatchObject({ state: 'failed', failures: 1, next_attempt_at: expect.any(Date) })
    expect(await agent.claim()).toEqual([])
    await changeTarget('target-c')
    expect(await placementOf(id)).toMatchObject({ state: 'pending', failures: 0 })
    const job = await scene.services.store.jobs.findOpenOfPlacement((await placementOf(id))?.id ?? '', 'deploy')
    await cancelJob(scene.services, { jobId: job?.id ?? '', actor: operator })
    expect(await placementOf(id)).toMatchObject({ state: 'failed', blocked_code: 'aborted', next_attempt_at: null })
    scene.services.clock.advance(7 * 86_400)
    expect((await agent.claim()).filter(({ type }) => type === 'Deployment')).toEqual([])
    await changeTarget('target-c')
    await agent.deployed(only(await agent.claim(), 'Deployment'))
    expect(await placementOf(id)).toMatchObject({ state: 'served', blocked_code: null })
  })

  it('abandons orders for names a certificate does not have any more, and asks for a CSR of those it has', async () => {
    const { id, agent } = await served(scene, { name: 'd.example.test', agentId: 'agent-d', targetId: 'target-d' })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true })
    const old = only(await agent.claim(), 'Renewal')
    const orderId = await agent.submit(old, await agent.csr(old))
    await changeCertificate(scene.services, {
      certificateId: id,
      actor: operator,
      check: async () => undefined,
      sans: ['d2.example.test'],
    })
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({ state: 'abandoned' })
    const asked = only(await agent.claim(), 'Renewal')
    expect(asked.names?.map(({ value }) => value).toSorted()).toEqual(['d.example.test', 'd2.example.test'])
  })
})
