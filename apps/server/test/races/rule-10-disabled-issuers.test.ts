import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { deleteConnection } from '../../src/inventory/delete-connection.js'
import { updateConnection } from '../../src/inventory/update-connection.js'
import { createScene, only, operator, type Scene, type SceneAgent } from '../lifecycle/scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

let count = 0

async function ordered(): Promise<{ id: string; agent: SceneAgent; orderId: string }> {
  count += 1
  const agent = await scene.agent(`agent-${count}`)
  await scene.target(`target-${count}`, agent.id)
  const { id } = await scene.request({ commonName: `n${count}.example.test`, targetIds: [`target-${count}`] })
  const asked = only(await agent.claim())
  return { id, agent, orderId: await agent.submit(asked, await agent.csr(asked)) }
}

async function setEnabled(enabled: boolean): Promise<void> {
  await updateConnection(scene.services, 'issuer', {
    id: scene.issuerId,
    enabled,
    actor: operator,
    check: () => undefined,
  })
}

describe('rule 10: a disabled issuer gets no new orders, and its open ones go on', () => {
  it('places no order at an issuer that was disabled after the CSR was taken, and places it once it is enabled', async () => {
    const { id, orderId } = await ordered()
    await setEnabled(false)
    const before = scene.ca.asked.length
    expect(await scene.work()).toBe(1)
    expect(scene.ca.asked).toHaveLength(before)
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({ state: 'open', attempts: 0 })
    const [job] = await scene.services.store.jobs.listOpenOfCertificate(id, 'issue')
    expect(job?.last_error).toContain('disabled')

    await setEnabled(true)
    scene.services.clock.advance(301)
    await scene.work()
    expect(await scene.services.store.versions.listCurrent(id)).toHaveLength(1)
  })

  it('looks at orders that were open when the issuer was disabled, and takes what they bring', async () => {
    const { id, orderId } = await ordered()
    const { answer, poll } = scene.ca
    scene.ca.answer = async () => ({ status: 'pending', orderId: 'vendor-1', progress: { step: 1 } })
    await scene.work()
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({ vendor_order_id: 'vendor-1' })
    await setEnabled(false)
    scene.ca.poll = async ({ request }) => await scene.ca.sign(request)
    scene.services.clock.advance(30)
    await scene.work()
    Object.assign(scene.ca, { answer, poll })
    await setEnabled(true)
    expect(scene.ca.polled.at(-1)).toMatchObject({ orderId: 'vendor-1', progress: { step: 1 } })
    expect(await scene.services.store.versions.listCurrent(id)).toHaveLength(1)
  })

  it('ends an order whose deadline passes while its issuer is disabled, and asks for another CSR', async () => {
    const { agent, orderId } = await ordered()
    const { answer } = scene.ca
    scene.ca.answer = async () => ({ status: 'pending', orderId: 'vendor-2' })
    await scene.work()
    await setEnabled(false)
    scene.services.clock.advance(31 * 86_400)
    await scene.work()
    scene.ca.answer = answer
    await setEnabled(true)
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({ state: 'expired' })
    scene.services.clock.advance(60)
    only(await agent.claim(), 'Issuance')
  })

  it('refuses to delete an issuer that has open orders or revocations it has not confirmed', async () => {
    await ordered()
    await expect(
      deleteConnection(scene.services, 'issuer', { id: scene.issuerId, actor: operator }),
    ).rejects.toMatchObject({ code: 'conflict' })
  })
})
