import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { acceptCsr } from '../../src/lifecycle/csr/accept-csr.js'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import { createGate } from '../lifecycle/fake-ca.js'
import { createScene, keyOf, only, type Scene, type SceneAgent } from '../lifecycle/scene.js'
import { createTestServices } from '../postgres.js'
import { holdTransaction, untilBlocked } from './steps.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal
let count = 0

async function askedForCsr(): Promise<{ id: string; agent: SceneAgent; asked: ReturnType<typeof only> }> {
  count += 1
  const agent = await scene.agent(`agent-${count}`)
  await scene.target(`target-${count}`, agent.id)
  const { id } = await scene.request({ commonName: `n${count}.example.test`, targetIds: [`target-${count}`] })
  return { id, agent, asked: only(await agent.claim()) }
}

describe('rule 3: the same CSR is the same answer, another one abandons the order', () => {
  it('answers the same CSR with the same order, before and after its certificate came', async () => {
    const { agent, asked } = await askedForCsr()
    const csr = await agent.csr(asked)
    const first = await agent.submit(asked, csr)
    expect(await agent.submit(asked, csr)).toBe(first)
    await scene.work()
    expect(await agent.submit(asked, csr)).toBe(first)
  })

  it('makes one order of the same CSR sent twice at the same time, to two copies of the server', async () => {
    const { id, agent, asked } = await askedForCsr()
    const csr = await agent.csr(asked)
    const { database, clock, registry, store } = scene.services
    const copy = await createTestServices({ database, clock, registry, serverId: 'server-copy' })
    const holderId = (await store.jobs.get(asked.id))?.holder_id ?? ''
    const job = { id: asked.id, lease: asked.lease ?? '' }
    const submit = async () => await acceptCsr(copy, { holderId, csrPem: csr, job, actor: agent.actor })
    const held = await holdTransaction(scene.services, async (tx) => {
      await tx.certificates.lock(id)
    })
    const both = Promise.all([agent.submit(asked, csr), submit()])
    await untilBlocked(scene.services, 2)
    await held.commit()
    const [one, two] = await both
    expect(one).toBe(two)
    await copy.close()
  })

  it('abandons an open order for another CSR, and what the first one still brings is lost', async () => {
    const { id, agent, asked } = await askedForCsr()
    const old = { ...asked, lease: undefined }
    const firstCsr = await agent.csr(asked)
    const first = await agent.submit(old, firstCsr)
    const gate = createGate()
    const answer = scene.ca.answer
    scene.ca.answer = async (request) => {
      await gate.pass()
      return await answer(request)
    }
    const job = (await scene.claimServerJobs()).find((claimed) => claimed.order_id === first)
    const done = fulfilOrder(scene.services, job as never, never)
    await gate.reached
    scene.ca.answer = answer

    const secondCsr = await agent.csr(asked)
    const second = await agent.submit(old, secondCsr)
    expect(second).not.toBe(first)
    expect(await scene.services.store.orders.get(first)).toMatchObject({ state: 'abandoned' })

    gate.release()
    await done
    await scene.work()
    const [current, ...others] = await scene.services.store.versions.listCurrent(id)
    expect(others).toEqual([])
    expect(current?.spki_sha256).toBe(keyOf(secondCsr))
    const { rows } = await scene.services.store.versions.page(id, { limit: 10, count: false })
    expect(rows.find(({ spki_sha256 }) => spki_sha256 === keyOf(firstCsr))).toMatchObject({ standing: 'lost' })
  })

  it('refuses a CSR under a lease that another claim of the same job has replaced', async () => {
    const { agent, asked } = await askedForCsr()
    const csr = await agent.csr(asked)
    const again = only(await agent.claim([]))
    expect(again.lease).not.toBe(asked.lease)
    await expect(agent.submit(asked, csr)).rejects.toMatchObject({ code: 'conflict' })
    await agent.submit(again, csr)
  })
})
