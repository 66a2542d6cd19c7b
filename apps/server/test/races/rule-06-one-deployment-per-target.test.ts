import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { deployCertificate } from '../../src/lifecycle/placement/deploy-certificate.js'
import { redeployTarget } from '../../src/lifecycle/placement/redeploy-target.js'
import { retireTarget } from '../../src/lifecycle/placement/retire-target.js'
import { createScene, only, operator, type Scene, served } from '../lifecycle/scene.js'
import { holdTransaction, untilBlocked } from './steps.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

async function moveTarget(targetId: string, agentId: string): Promise<void> {
  await scene.services.store.transaction(async (tx) => {
    const target = await tx.targets.lock(targetId)
    await tx.targets.update(targetId, { agent_id: agentId, generation: (target?.generation ?? 0) + 1 })
    await redeployTarget(scene.services, tx, { targetId, requestedBy: 'operator' })
  })
}

const deployments = (items: readonly { type: string }[]) => items.filter(({ type }) => type === 'Deployment')

describe('rule 6: one deployment per target at a time, within an upper bound', () => {
  it('lets another agent begin only when lease and bound of the one before are over', async () => {
    const { id, agent } = await served(scene, { name: 'a.example.test', agentId: 'agent-a', targetId: 'target-a' })
    await deployCertificate(scene.services, { certificateId: id, actor: operator })
    only(await agent.claim(), 'Deployment')

    const other = await scene.agent('agent-a2')
    await moveTarget('target-a', other.id)
    const asked = only(await other.claim(), 'Issuance')
    await other.submit(asked, await other.csr(asked))
    await scene.work()

    expect(deployments(await other.claim())).toEqual([])
    scene.services.clock.advance(61)
    // The lease is over, the bound is not: whoever had it may still be at it.
    expect(deployments(await other.claim())).toEqual([])
    scene.services.clock.advance(240)
    await other.deployed(only(await other.claim(), 'Deployment'))
    const [placement] = await scene.services.store.placements.listOfCertificate(id)
    expect(placement).toMatchObject({ state: 'served', agent_id: 'agent-a2' })
  })

  it('lets the other agent begin at once when the one before says that it has ended', async () => {
    const { id, agent } = await served(scene, { name: 'b.example.test', agentId: 'agent-b', targetId: 'target-b' })
    await deployCertificate(scene.services, { certificateId: id, actor: operator })
    const under = only(await agent.claim(), 'Deployment')
    const other = await scene.agent('agent-b2')
    await moveTarget('target-b', other.id)
    const asked = only(await other.claim(), 'Issuance')
    await other.submit(asked, await other.csr(asked))
    await scene.work()
    expect(deployments(await other.claim())).toEqual([])

    await expect(agent.deployed(under)).rejects.toMatchObject({ code: 'conflict' })
    await other.deployed(only(await other.claim(), 'Deployment'))
    const [placement] = await scene.services.store.placements.listOfCertificate(id)
    expect(placement).toMatchObject({ state: 'served' })
  })

  it('hands one of two deployments to one target out, however many ask at the same time', async () => {
    const agent = await scene.agent('agent-c')
    await scene.services.store.transaction(async (tx) => {
      const [type] = await tx.connectorTypes.listOfAgent(agent.id)
      if (type === undefined) throw new Error('the agent has no types')
      const many = { ...type, schema: '{}', capabilities: JSON.stringify({ holds: 'many' }) }
      await tx.connectorTypes.replaceAll(agent.id, [many])
    })
    await scene.target('target-c', agent.id)
    for (const name of ['c1.example.test', 'c2.example.test'])
      await scene.request({ commonName: name, targetIds: ['target-c'] })
    for (const asked of await agent.claim()) await agent.submit(asked, await agent.csr(asked))
    await scene.work()

    // Two polls that both saw both jobs, and come to the target together.
    const held = await holdTransaction(scene.services, async (tx) => {
      await tx.targets.lock('target-c')
    })
    const polls = Promise.all([agent.claim([], { old: true }), agent.claim([], { old: true })])
    await untilBlocked(scene.services, 2)
    await held.commit()
    const claimed = deployments((await polls).flat())
    expect(claimed).toHaveLength(1)
  })

  it('ends the jobs and frees the places of a target that is removed, in the transaction that removes it', async () => {
    const { id, agent } = await served(scene, { name: 'd.example.test', agentId: 'agent-d', targetId: 'target-d' })
    await deployCertificate(scene.services, { certificateId: id, actor: operator })
    await scene.services.store.transaction(async (tx) => {
      await tx.claims.take({ scope: agent.id, place: '/etc/d.pem', target_id: 'target-d' })
    })
    await scene.services.store.transaction(async (tx) => {
      await tx.targets.lock('target-d')
      await retireTarget(tx, 'target-d')
    })
    expect(await scene.services.store.jobs.listOpenOfCertificate(id, 'deploy')).toEqual([])
    expect(await scene.services.store.claims.listOfTarget('target-d')).toEqual([])
    expect(await scene.services.store.placements.listOfTarget('target-d')).toEqual([])
    expect(deployments(await agent.claim())).toEqual([])
  })

  it('does not prolong a lease beyond the bound, however long an agent says that it holds the job', async () => {
    const { id, agent } = await served(scene, { name: 'e.example.test', agentId: 'agent-e', targetId: 'target-e' })
    await deployCertificate(scene.services, { certificateId: id, actor: operator })
    const held = only(await agent.claim(), 'Deployment')
    for (let minute = 0; minute < 5; minute += 1) {
      scene.services.clock.advance(59)
      expect(deployments(await agent.claim([held.id]))).toEqual([])
    }
    scene.services.clock.advance(10)
    const again = only(await agent.claim([held.id]), 'Deployment')
    expect(again.lease).not.toBe(held.lease)
  })
})
