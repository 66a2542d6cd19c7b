import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { deleteConnection } from '../../src/inventory/delete-connection.js'
import { getCertificate } from '../../src/inventory/get-certificate.js'
import { updateConnection } from '../../src/inventory/update-connection.js'
import { archiveCertificate } from '../../src/lifecycle/asking/archive-certificate.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { expiryAlerts } from '../../src/schedule/expiry-alerts.js'
import { createScene, only, operator, type Scene, type SceneAgent, served, withScene } from '../lifecycle/scene.js'

const never = new AbortController().signal

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

  it('places at once what waited for it, when it is enabled, and hurries nothing that waits for another reason', async () => {
    const { store, clock } = scene.services
    const [waiting, other] = [await ordered(), await ordered()]
    await setEnabled(false)
    await scene.work()
    const [job] = await store.jobs.listOpenOfCertificate(other.id, 'issue')
    await store.jobs.update(String(job?.id), { last_error_code: 'upstream_unavailable' })
    clock.advance(1)
    await setEnabled(true)
    await scene.work()
    expect(await store.versions.listCurrent(waiting.id)).toHaveLength(1)
    expect(await store.versions.listCurrent(other.id)).toHaveLength(0)
    clock.advance(301)
    await scene.work()
    expect(await store.versions.listCurrent(other.id)).toHaveLength(1)
  })

  it('places at once what a worker had in hand when it was enabled', async () => {
    const { id } = await ordered()
    await setEnabled(false)
    const { connections, store } = scene.services
    const { issuer } = connections
    let isFirst = true
    connections.issuer = async (asked) => {
      const found = await issuer(asked)
      if (isFirst) {
        isFirst = false
        await setEnabled(true)
      }
      return found
    }
    try {
      await scene.work()
      await scene.work()
    } finally {
      connections.issuer = issuer
    }
    expect(await store.versions.listCurrent(id)).toHaveLength(1)
  })

  it('says at the certificate why nothing is ordered and when it is tried again, and after a day an alert does', async () => {
    const { id, agent } = await ordered()
    const { store, clock } = scene.services
    await setEnabled(false)
    await scene.work()
    const { holders } = await getCertificate(scene.services, id)
    expect(holders).toMatchObject([
      { cause: { code: 'conflict', message: expect.stringContaining('is disabled') }, failures: 0 },
    ])
    expect(Date.parse(holders?.[0]?.next_attempt_at ?? '')).toBe(clock.now().getTime() + 300_000)
    const [holder] = await store.holders.listOfCertificate(id)
    const isTold = async () => await store.events.isOpen(`issuance:${holder?.id}:warning`)
    expect(await isTold()).toBe(false)
    clock.advance(86_400)
    await scene.work()
    expect(await isTold()).toBe(true)
    const { rows } = await store.events.page({ type: 'certificate.issuance_waits' }, { limit: 1, count: false })
    expect(rows).toMatchObject([
      { title: expect.stringContaining(`run: certctl issuers update ${scene.issuerId} --enable`) },
    ])
    await setEnabled(true)
    clock.advance(301)
    await scene.work()
    expect(await isTold()).toBe(false)
    await agent.deployed(only(await agent.claim(), 'Deployment'))
  })

  it('says so no more once its CA has been asked, though nothing came of that yet', async () => {
    const { id } = await ordered()
    const { store, clock } = scene.services
    await setEnabled(false)
    await scene.work()
    clock.advance(86_400)
    await scene.work()
    const [holder] = await store.holders.listOfCertificate(id)
    const isTold = async () => await store.events.isOpen(`issuance:${holder?.id}:warning`)
    expect(await isTold()).toBe(true)
    await setEnabled(true)
    const answer = scene.ca.answer
    scene.ca.answer = async () => ({ status: 'pending', orderId: 'manual-1' })
    clock.advance(301)
    await scene.work()
    scene.ca.answer = answer
    expect(await isTold()).toBe(false)
    expect(await store.holders.listOfCertificate(id)).toMatchObject([{ last_error: null, next_attempt_at: null }])
    await archiveCertificate(scene.services, { certificateId: id, actor: operator })
  })

  it('says why a renewal waits where its certificate passes a threshold', async () => {
    await withScene({}, async (scene) => {
      const { agent } = await served(scene)
      scene.services.clock.advance(61 * 86_400)
      await dueRenewals.run(scene.services, never)
      const asked = only(await agent.claim(), 'Renewal')
      await agent.submit(asked, await agent.csr(asked))
      await scene.services.store.connections.update(scene.issuerId, { enabled: false })
      await scene.work()
      scene.services.clock.advance(22 * 86_400)
      await expiryAlerts.run(scene.services, never)
      const { rows } = await scene.services.store.events.page(
        { type: 'certificate.expiring' },
        { limit: 1, count: false },
      )
      expect(rows).toMatchObject([{ title: expect.stringContaining('its renewal waits: Issuer iss-fake is disabled') }])
    })
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
