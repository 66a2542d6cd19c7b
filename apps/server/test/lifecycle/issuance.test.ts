import { CertctlError } from '@certctl/core'
import { encodePem } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { pendingOrders } from '../../src/schedule/pending-orders.js'
import { createScene, only, operator, type Scene, type SceneAgent, served, withScene } from './scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal
let count = 0

interface Ordered {
  id: string
  agent: SceneAgent
  orderId: string
  csr: string
}

async function ordered(): Promise<Ordered> {
  count += 1
  const agent = await scene.agent(`agent-${count}`)
  await scene.target(`target-${count}`, agent.id)
  const { id } = await scene.request({ commonName: `n${count}.example.test`, targetIds: [`target-${count}`] })
  const asked = only(await agent.claim())
  const csr = await agent.csr(asked)
  return { id, agent, csr, orderId: await agent.submit(asked, csr) }
}

/** One turn of the worker while the CA behaves otherwise. */
async function workWith(more: Partial<Pick<Scene['ca'], 'answer' | 'poll'>>): Promise<number> {
  const { answer, poll } = scene.ca
  Object.assign(scene.ca, more)
  try {
    return await scene.work()
  } finally {
    Object.assign(scene.ca, { answer, poll })
  }
}

const failing = (code: 'upstream_unavailable' | 'csr_rejected' | 'upstream_rejected', retryAfterSeconds?: number) => ({
  answer: async () => {
    throw new CertctlError(code, 'The CA says no', { retryAfterSeconds })
  },
})

async function holderOf(id: string) {
  const [holder] = await scene.services.store.holders.listOfCertificate(id)
  if (holder === undefined) throw new Error('there is no holder')
  return holder
}

async function jobOf(id: string) {
  const [job] = await scene.services.store.jobs.listOpenOfCertificate(id, 'issue')
  return job
}

describe('a CA that answers later', () => {
  it('is a row: its order id and sealed progress survive, and it is looked at when it is time', async () => {
    const { id, orderId } = await ordered()
    await workWith({
      answer: async () => ({
        status: 'pending',
        orderId: 'V-1',
        progress: { url: 'https://ca/secret' },
        retryAfterSeconds: 90,
        waitingFor: 'person',
        detail: 'somebody must approve',
      }),
    })
    const order = await scene.services.store.orders.get(orderId)
    expect(order).toMatchObject({
      state: 'open',
      vendor_order_id: 'V-1',
      waiting_for: 'person',
      detail: 'somebody must approve',
    })
    expect(order?.progress?.includes('secret')).toBe(false)
    expect(order?.next_look_at?.getTime()).toBe(scene.services.clock.now().getTime() + 90_000)

    expect(await scene.work()).toBe(0)
    scene.services.clock.advance(90)
    await workWith({ poll: async ({ request }) => await scene.ca.sign(request) })
    expect(scene.ca.polled.at(-1)).toMatchObject({ orderId: 'V-1', progress: { url: 'https://ca/secret' } })
    expect(await scene.services.store.versions.listCurrent(id)).toHaveLength(1)
    expect((await scene.services.store.orders.get(orderId))?.progress).toBeNull()
  })

  it('is looked at less and less often, and never forgotten', async () => {
    const { id } = await ordered()
    const waiting = { status: 'pending' as const, orderId: 'V-2' }
    const pauses: number[] = []
    await workWith({ answer: async () => waiting })
    for (let look = 0; look < 7; look += 1) {
      const job = await jobOf(id)
      const seconds = ((job?.run_at.getTime() ?? 0) - scene.services.clock.now().getTime()) / 1000
      pauses.push(seconds)
      scene.services.clock.advance(seconds)
      await workWith({ poll: async () => waiting })
    }
    const usual = [5, 15, 45, 120, 300, 3600, 3600]
    for (const [index, seconds] of pauses.entries()) {
      expect(seconds).toBeGreaterThanOrEqual((usual[index] ?? 0) * 0.79)
      expect(seconds).toBeLessThanOrEqual((usual[index] ?? 0) * 1.21)
    }
    await workWith({ poll: async () => ({ status: 'invalid', orderId: 'V-2', reason: 'withdrawn' }) })
    scene.services.clock.advance(4400)
    await workWith({ poll: async () => ({ status: 'invalid', orderId: 'V-2', reason: 'withdrawn' }) })
  })

  it('ends the order and not the renewal when it declines: a new CSR is asked for after a pause', async () => {
    const { id, agent, orderId } = await ordered()
    await workWith({ answer: async () => ({ status: 'invalid', orderId: 'V-3', reason: 'declined' }) })
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({
      state: 'invalid',
      close_reason: expect.stringContaining('declined'),
    })
    expect(await holderOf(id)).toMatchObject({ failures: 1, last_error_code: 'upstream_rejected', blocked_code: null })
    expect(await agent.claim()).toEqual([])
    scene.services.clock.advance(61)
    const asked = only(await agent.claim(), 'Issuance')
    const second = await agent.submit(asked, await agent.csr(asked))
    expect(second).not.toBe(orderId)
    await scene.work()
    expect(await holderOf(id)).toMatchObject({ failures: 0, last_error_code: null })
  })

  it('goes on with an order whose job was lost', async () => {
    const { id, orderId } = await ordered()
    await workWith({ answer: async () => ({ status: 'pending', orderId: 'V-4' }) })
    const job = await jobOf(id)
    await scene.services.store.jobs.update(job?.id ?? '', { state: 'cancelled' })
    await pendingOrders.run(scene.services, never)
    expect(await jobOf(id)).toMatchObject({ order_id: orderId, state: 'ready' })
    scene.services.clock.advance(10)
    await workWith({ poll: async ({ request }) => await scene.ca.sign(request) })
    expect(await scene.services.store.versions.listCurrent(id)).toHaveLength(1)
  })
})

describe('a CA that fails', () => {
  it('is asked again with the same order, after a pause that grows', async () => {
    const { id, orderId } = await ordered()
    for (const minutes of [1, 2, 4]) {
      await workWith(failing('upstream_unavailable'))
      expect(await scene.work()).toBe(0)
      scene.services.clock.advance(minutes * 60)
    }
    expect(await holderOf(id)).toMatchObject({ failures: 3, last_error_code: 'upstream_unavailable' })
    await scene.work()
    expect(scene.ca.asked.filter((request) => request.id === orderId).map(({ attempt }) => attempt)).toEqual([
      1, 2, 3, 4,
    ])
    expect(await holderOf(id)).toMatchObject({ failures: 0, last_error_code: null })
  })

  it.each([
    { why: 'upstream_unavailable', most: 3600 },
    { why: 'upstream_rejected', most: 86_400 },
  ] as const)('has a first issuance wait for $most seconds at most after $why', async ({ why, most }) => {
    const { id } = await ordered()
    const pauses: number[] = []
    for (let failure = 1; failure <= 13; failure += 1) {
      await workWith(failing(why))
      const at = (await jobOf(id))?.run_at.getTime() ?? 0
      pauses.push((at - scene.services.clock.now().getTime()) / 1000)
      scene.services.clock.advance(pauses.at(-1) ?? 0)
    }
    expect(Math.max(...pauses)).toBeLessThanOrEqual(most)
    expect(pauses.at(-1)).toBeGreaterThan(most * 0.89)
    await scene.work()
    expect(await scene.services.store.versions.listCurrent(id)).toHaveLength(1)
  })

  it('has what is served already wait longer than an hour, since it is served', async () => {
    const name = 'patient.example.test'
    const { id, agent } = await served(scene, { name, agentId: 'agent-patient', targetId: 'target-patient' })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const asked = only(await agent.claim(), 'Renewal')
    await agent.submit(asked, await agent.csr(asked))
    let pause = 0
    for (let failure = 1; failure <= 9; failure += 1) {
      await workWith(failing('upstream_unavailable'))
      pause = ((await jobOf(id))?.run_at.getTime() ?? 0) - scene.services.clock.now().getTime()
      scene.services.clock.advance(pause / 1000)
    }
    expect(pause).toBeGreaterThan(2 * 3_600_000)
    await scene.work()
  })

  it('has a first issuance wait up to a day where each order costs', async () => {
    await withScene({ metered: true }, async (dear) => {
      const agent = await dear.agent('agent-dear')
      await dear.target('target-dear', agent.id)
      const { id } = await dear.request({ commonName: 'dear.example.test', targetIds: ['target-dear'] })
      const asked = only(await agent.claim(), 'Issuance')
      await agent.submit(asked, await agent.csr(asked))
      Object.assign(dear.ca, failing('upstream_unavailable'))
      let pause = 0
      for (let failure = 1; failure <= 12; failure += 1) {
        await dear.work()
        const [job] = await dear.services.store.jobs.listOpenOfCertificate(id, 'issue')
        pause = (job?.run_at.getTime() ?? 0) - dear.services.clock.now().getTime()
        dear.services.clock.advance(pause / 1000)
      }
      expect(pause).toBeGreaterThan(20 * 3_600_000)
    })
  })

  it('is left alone as long as it asks for', async () => {
    const { id } = await ordered()
    await workWith(failing('upstream_unavailable', 5000))
    scene.services.clock.advance(4990)
    expect(await scene.work()).toBe(0)
    scene.services.clock.advance(11)
    expect(await scene.work()).toBe(1)
    expect(await scene.services.store.versions.listCurrent(id)).toHaveLength(1)
  })

  it('is not asked again what it refused for good, until a person asks', async () => {
    const { id, agent } = await ordered()
    await workWith(failing('csr_rejected'))
    expect(await holderOf(id)).toMatchObject({ blocked_code: 'csr_rejected' })
    scene.services.clock.advance(30 * 86_400)
    await dueRenewals.run(scene.services, never)
    expect(await agent.claim()).toEqual([])

    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const asked = only(await agent.claim(), 'Issuance')
    await agent.submit(asked, await agent.csr(asked))
    await scene.work()
    expect(await holderOf(id)).toMatchObject({ blocked_code: null })
  })

  it('is asked again what it refused for good once the certificate is changed', async () => {
    const { id, agent } = await ordered()
    await workWith(failing('csr_rejected'))
    await changeCertificate(scene.services, {
      certificateId: id,
      actor: operator,
      check: async () => undefined,
      sans: ['changed.example.test'],
    })
    only(await agent.claim(), 'Issuance')
  })

  it('is told of at the third failure in a row, once, and again in the next lifetime', async () => {
    const { id, agent } = await ordered()
    const subject = `issuance:${(await holderOf(id)).id}:warning`
    const fail = async () => {
      await workWith(failing('upstream_rejected'))
      scene.services.clock.advance(86_401)
    }
    await fail()
    await fail()
    expect(await scene.services.store.events.isOpen(subject)).toBe(false)
    await fail()
    expect(await scene.services.store.events.isOpen(subject)).toBe(true)
    await fail()
    await scene.work()
    expect(await scene.services.store.events.isOpen(subject)).toBe(false)

    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const asked = only(await agent.claim(), 'Renewal')
    await agent.submit(asked, await agent.csr(asked))
    for (let failure = 0; failure < 3; failure += 1) await fail()
    expect(await scene.services.store.events.isOpen(subject)).toBe(true)
    await scene.work()
  })

  it('is told of as critical when little is left, in place of the milder alert', async () => {
    const { id, agent } = await served(scene, {
      name: 'late.example.test',
      agentId: 'agent-late',
      targetId: 'target-late',
    })
    const holder = await holderOf(id)
    scene.services.clock.advance(82 * 86_400)
    await dueRenewals.run(scene.services, never)
    const asked = only(await agent.claim(), 'Renewal')
    await agent.submit(asked, await agent.csr(asked))
    await workWith(failing('upstream_unavailable'))
    expect(await scene.services.store.events.isOpen(`issuance:${holder.id}:critical`)).toBe(true)
    scene.services.clock.advance(86_400)
    await scene.work()
    expect(await scene.services.store.events.isOpen(`issuance:${holder.id}:critical`)).toBe(false)
  })

  it('that issues something else is not believed: nothing is current, and a new CSR is asked for', async () => {
    const { id, agent, orderId } = await ordered()
    await workWith({
      answer: async (request) =>
        await scene.ca.sign({ ...request, names: [...request.names, { type: 'dns', value: 'extra.example.test' }] }),
    })
    expect(await scene.services.store.versions.listCurrent(id)).toEqual([])
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({
      state: 'invalid',
      last_error_code: 'issued_mismatch',
    })
    scene.services.clock.advance(61)
    only(await agent.claim(), 'Issuance')
  })

  it('that returns an earlier certificate again is not believed, so that nothing is renewed in circles', async () => {
    const { id, agent } = await served(scene, {
      name: 'same.example.test',
      agentId: 'agent-same',
      targetId: 'target-same',
    })
    const [current] = await scene.services.store.versions.listCurrentWithDer(id)
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const asked = only(await agent.claim(), 'Renewal')
    // The same CSR as before: only then would an earlier certificate pass every other check.
    await agent.submit(asked, current?.csr_pem ?? '')
    await workWith({
      answer: async () => ({
        status: 'valid',
        certificatePem: encodePem('CERTIFICATE', current?.der ?? new Uint8Array()),
        chainPem: scene.ca.ca.intermediatePem,
      }),
    })
    const { rows } = await scene.services.store.versions.page(id, { limit: 10, count: false })
    expect(rows).toHaveLength(1)
    expect(await holderOf(id)).toMatchObject({ failures: 1, last_error_code: 'issued_mismatch' })
  })
})

describe('an issuer whose connector is missing', () => {
  it('is waited for, without a failure and without an alert', async () => {
    const { id, orderId } = await ordered()
    await scene.services.store.transaction(
      async (tx) => await tx.connections.update(scene.issuerId, { type: 'Gone', generation: 99 }),
    )
    await scene.work()
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({ state: 'open', attempts: 0 })
    expect(await holderOf(id)).toMatchObject({ failures: 0, blocked_code: null })
    await scene.services.store.transaction(
      async (tx) => await tx.connections.update(scene.issuerId, { type: 'Fake', generation: 100 }),
    )
    scene.services.clock.advance(301)
    await scene.work()
    expect(await scene.services.store.versions.listCurrent(id)).toHaveLength(1)
  })
})

describe('a CSR that is refused', () => {
  it('ends its job with the reason, and its sender is not asked in circles', async () => {
    count += 1
    const agent = await scene.agent(`agent-${count}`)
    await scene.target(`target-${count}`, agent.id)
    const { id } = await scene.request({ commonName: `n${count}.example.test`, targetIds: [`target-${count}`] })
    const asked = only(await agent.claim())
    const wrong = await agent.csr({ ...asked, names: [{ type: 'dns', value: 'evil.example.test' }], common_name: '' })
    await expect(agent.submit(asked, wrong)).rejects.toMatchObject({ code: 'identifier_rejected' })
    expect(await scene.services.store.jobs.get(asked.id)).toMatchObject({
      state: 'done',
      outcome: 'refused',
      last_error_code: 'identifier_rejected',
    })
    expect(await agent.claim()).toEqual([])
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const again = only(await agent.claim())
    await agent.submit(again, await agent.csr(again))
  })

  it('leaves a job alone whose lease its sender has lost', async () => {
    count += 1
    const agent = await scene.agent(`agent-${count}`)
    await scene.target(`target-${count}`, agent.id)
    await scene.request({ commonName: `n${count}.example.test`, targetIds: [`target-${count}`] })
    const lost = only(await agent.claim())
    only(await agent.claim([]))
    const wrong = await agent.csr({ ...lost, names: [{ type: 'dns', value: 'evil.example.test' }], common_name: '' })
    await expect(agent.submit(lost, wrong)).rejects.toMatchObject({ code: 'conflict' })
    expect(await scene.services.store.jobs.get(lost.id)).toMatchObject({ state: 'waiting_csr' })
  })

  it('is asked for again after a pause when the agent only could not make it', async () => {
    count += 1
    const agent = await scene.agent(`agent-${count}`)
    await scene.target(`target-${count}`, agent.id)
    const { id } = await scene.request({ commonName: `n${count}.example.test`, targetIds: [`target-${count}`] })
    const asked = only(await agent.claim())
    await agent.report(asked, { outcome: 'failed', code: 'internal', message: 'the disk is full' })
    expect(await holderOf(id)).toMatchObject({ failures: 1, last_error: 'the disk is full' })
    expect(await agent.claim()).toEqual([])
    scene.services.clock.advance(61)
    only(await agent.claim(), 'Issuance')
  })
})
