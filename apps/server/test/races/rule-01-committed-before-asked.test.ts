import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import type { OrderRow } from '../../src/store/orders.js'
import { createGate } from '../lifecycle/fake-ca.js'
import { createScene, only, type Scene } from '../lifecycle/scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal

describe('rule 1: the order, its attempt and its CSR are committed before the issuer is called', () => {
  it('shows the order with its attempt to everybody else while the issuer is being asked', async () => {
    const agent = await scene.agent('agent-one')
    await scene.target('target-one', agent.id)
    await scene.request({ commonName: 'one.example.test', targetIds: ['target-one'] })
    const asked = only(await agent.claim())
    const csr = await agent.csr(asked)
    const orderId = await agent.submit(asked, csr)

    let seen: OrderRow | undefined
    const answer = scene.ca.answer
    scene.ca.answer = async (request) => {
      seen = await scene.services.store.orders.get(request.id)
      return await answer(request)
    }
    await scene.work()
    scene.ca.answer = answer

    expect(seen).toMatchObject({ id: orderId, state: 'open', attempts: 1, csr_pem: csr })
    expect(seen?.first_asked_at).toEqual(scene.services.clock.now())
  })

  it('tells the issuer that an answer may be lost when the one who asked died while it was asked', async () => {
    const agent = await scene.agent('agent-two')
    await scene.target('target-two', agent.id)
    const { id } = await scene.request({ commonName: 'two.example.test', targetIds: ['target-two'] })
    const asked = only(await agent.claim())
    await agent.submit(asked, await agent.csr(asked))

    const gate = createGate()
    const answer = scene.ca.answer
    scene.ca.answer = async (request) => {
      const outcome = await answer(request)
      await gate.pass()
      return outcome
    }
    const [job] = await scene.claimServerJobs()
    const firstAskedAt = scene.services.clock.now()
    const dead = fulfilOrder(scene.services, job as never, never)
    await gate.reached
    scene.ca.answer = answer

    scene.services.clock.advance(61)
    expect(await scene.work()).toBe(1)
    const again = scene.ca.asked.at(-1)
    expect(again).toMatchObject({ attempt: 2, firstAskedAt })
    expect(again?.id).toBe(scene.ca.asked.at(-2)?.id)

    gate.release()
    await dead
    const versions = await scene.services.store.versions.page(id, { limit: 10, count: false })
    expect(versions.rows.map((version) => version.standing)).toEqual(['current'])
  })
})
