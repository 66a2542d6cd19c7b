import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { retireAgent } from '../../src/inventory/retire-agent.js'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import { claimAgentWork } from '../../src/work/claim-work.js'
import { keepAlive } from '../../src/work/keep-alive.js'
import { createGate } from '../lifecycle/fake-ca.js'
import { createScene, only, operator, type Scene, served } from '../lifecycle/scene.js'
import { isPending, until } from './steps.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal

async function retire(id: string): Promise<void> {
  await retireAgent(scene.services, { id, force: true, reason: 'replaced', actor: operator })
}

describe('rule 9: a retired agent is gone at once, and two of one are none', () => {
  it('wakes the parked poll of an agent that is retired and tells it that it is gone', async () => {
    const agent = await scene.agent('agent-a')
    const question = {
      agentId: agent.id,
      holding: [],
      waitSeconds: 50,
      leaseSeconds: 60,
      boot: 'boot-1',
      signal: never,
    }
    const parked = claimAgentWork(scene.services, question)
    parked.catch(() => undefined)
    await until(async () => (await scene.services.store.agents.get(agent.id))?.last_heartbeat_at !== null)
    expect(await isPending(parked)).toBe(true)
    let isWoken = false
    const stop = scene.services.wakes.on('agent', (subject) => {
      isWoken ||= subject === agent.id
    })
    await retire(agent.id)
    await until(async () => isWoken)
    stop()
    await expect(parked).rejects.toMatchObject({ code: 'gone' })
    await expect(agent.claim()).rejects.toMatchObject({ code: 'gone' })
    await expect(keepAlive(scene.services, { agentId: agent.id, holding: [] })).rejects.toMatchObject({ code: 'gone' })
  })

  it('closes what a retired agent held: its orders are abandoned, and what they bring is lost', async () => {
    const { id, agent } = await served(scene, { name: 'b.example.test', agentId: 'agent-b', targetId: 'target-b' })
    const { renewCertificate } = await import('../../src/lifecycle/asking/renew-certificate.js')
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const asked = only(await agent.claim(), 'Renewal')
    const orderId = await agent.submit(asked, await agent.csr(asked))
    const gate = createGate()
    const answer = scene.ca.answer
    scene.ca.answer = async (request) => {
      await gate.pass()
      return await answer(request)
    }
    const [job] = await scene.claimServerJobs()
    const done = fulfilOrder(scene.services, job as never, never)
    await gate.reached
    scene.ca.answer = answer
    await retire(agent.id)
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({ state: 'abandoned' })
    gate.release()
    await done

    expect(await scene.services.store.orders.get(orderId)).toMatchObject({ state: 'abandoned' })
    expect(await scene.services.store.holders.listOfCertificate(id)).toEqual([])
    const { rows } = await scene.services.store.versions.page(id, { limit: 10, count: false })
    expect(rows.find((version) => version.order_id === orderId)).toMatchObject({ standing: 'lost' })
    expect(await scene.services.store.jobs.listOpenOfCertificate(id, 'issue')).toEqual([])
  })

  it('refuses both of two processes that alternate, with an alert, until only one was heard for ten minutes', async () => {
    const agent = await scene.agent('agent-c')
    const poll = async (boot: string) => await agent.claim([], { boot })
    await poll('one')
    await poll('two')
    // A request of the process before, still under way when it ended, is no clone.
    await poll('one')
    await expect(poll('two')).rejects.toMatchObject({ code: 'conflict' })
    await expect(poll('one')).rejects.toMatchObject({ code: 'conflict' })
    await expect(poll('two')).rejects.toMatchObject({ code: 'conflict' })
    expect(await scene.services.store.events.isOpen(`agent-cloned:${agent.id}:critical`)).toBe(true)

    scene.services.clock.advance(300)
    await expect(poll('two')).rejects.toMatchObject({ code: 'conflict' })
    scene.services.clock.advance(301)
    await poll('two')
    expect(await scene.services.store.events.isOpen(`agent-cloned:${agent.id}:critical`)).toBe(false)
  })

  it('takes any number of restarts for what they are', async () => {
    const agent = await scene.agent('agent-d')
    for (const boot of ['one', 'two', 'three', 'four', 'five']) {
      await agent.claim([], { boot })
      await agent.claim([], { boot })
    }
    expect(await scene.services.store.events.isOpen(`agent-cloned:${agent.id}:critical`)).toBe(false)
  })
})
