import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import { createGate, type Gate } from '../lifecycle/fake-ca.js'
import { createScene, only, operator, type Scene, type SceneAgent } from '../lifecycle/scene.js'
import { addProfile, pendingOf } from '../lifecycle/two-people.js'
import { holdTransaction, isPending, untilBlocked } from './steps.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal
let count = 0

interface Paused {
  id: string
  agent: SceneAgent
  orderId: string
  gate: Gate
  done: Promise<void>
}

/** A certificate whose issuer has signed and has not answered yet. `always`: it signs anew each time it is asked. */
async function pausedAtTheIssuer({ always = false } = {}): Promise<Paused> {
  count += 1
  const agent = await scene.agent(`agent-${count}`)
  await scene.target(`target-${count}`, agent.id)
  const { id } = await scene.request({ commonName: `n${count}.example.test`, targetIds: [`target-${count}`] })
  const asked = only(await agent.claim())
  const orderId = await agent.submit(asked, await agent.csr(asked))
  const gate = createGate()
  const answer = scene.ca.answer
  scene.ca.answer = async (request) => {
    const outcome = always ? await scene.ca.sign(request) : await answer(request)
    await gate.pass()
    return outcome
  }
  const job = (await scene.claimServerJobs()).find((claimed) => claimed.order_id === orderId)
  const done = fulfilOrder(scene.services, job as never, never)
  await gate.reached
  scene.ca.answer = answer
  return { id, agent, orderId, gate, done }
}

async function standings(id: string): Promise<string[]> {
  const { rows } = await scene.services.store.versions.page(id, { limit: 10, count: false })
  return rows.map(({ standing }) => standing).toSorted()
}

/** What the metrics say so far of issuances and of their jobs. */
async function counted() {
  const text = await scene.services.metrics.text()
  const sum = (line: RegExp) => [...text.matchAll(line)].reduce((all, [, value]) => all + Number(value), 0)
  return {
    issued: sum(/^certctl_issuance_total\{.*outcome="issued".*\} (\d+)$/gm),
    failed: sum(/^certctl_issuance_total\{.*outcome="failed".*\} (\d+)$/gm),
    jobs: sum(/^certctl_job_completed_total\{.*kind="issue".*\} (\d+)$/gm),
  }
}

describe('rule 2: what comes too late is recorded, never made current, and revoked as superseded', () => {
  it('keeps one of two certificates when a worker that was thought dead answers after its order was filled', async () => {
    const { id, gate, done } = await pausedAtTheIssuer({ always: true })
    scene.services.clock.advance(61)
    await scene.work()
    expect(await standings(id)).toEqual(['current'])
    const [current] = await scene.services.store.versions.listCurrent(id)

    gate.release()
    await done
    expect(await standings(id)).toEqual(['current', 'lost'])
    expect(await scene.services.store.versions.listCurrent(id)).toEqual([current])
    const { rows } = await scene.services.store.versions.page(id, { limit: 10, count: false })
    const lost = rows.find(({ standing }) => standing === 'lost')
    expect(lost).toMatchObject({ revocation_reason: 'superseded' })
    expect(await scene.services.store.revocations.findOfVersion(lost?.id ?? '')).toMatchObject({
      reason: 'superseded',
      state: 'here',
    })
  })

  it('counts what two turns bring too late once, and as no failure', async () => {
    const before = await counted()
    const { id, orderId, gate, done } = await pausedAtTheIssuer()
    scene.services.clock.advance(61)
    const second = createGate()
    const { answer } = scene.ca
    scene.ca.answer = async (request) => {
      await second.pass()
      return await answer(request)
    }
    const job = (await scene.claimServerJobs()).find((claimed) => claimed.order_id === orderId)
    const again = fulfilOrder(scene.services, job as never, never)
    await second.reached
    scene.ca.answer = answer
    const change = { sans: ['later.example.test'], actor: operator, check: async () => undefined }
    await changeCertificate(scene.services, { certificateId: id, ...change })
    for (const one of [gate, second]) one.release()
    await Promise.all([done, again])
    expect(await standings(id)).toEqual(['lost'])
    expect(await counted()).toEqual({ ...before, issued: before.issued + 1, jobs: before.jobs + 1 })
  })

  it('does not use a certificate of names that were changed while it was being issued', async () => {
    const { id, gate, done } = await pausedAtTheIssuer()
    await changeCertificate(scene.services, {
      certificateId: id,
      actor: operator,
      check: async () => undefined,
      sans: ['other.example.test'],
    })
    gate.release()
    await done
    expect(await standings(id)).toEqual(['lost'])
    expect(await scene.services.store.versions.listCurrent(id)).toEqual([])
  })

  it('waits for whoever is changing the certificate, and then judges what was changed', async () => {
    const { id, gate, done } = await pausedAtTheIssuer()
    const change = await holdTransaction(scene.services, async (tx) => {
      const certificate = await tx.certificates.lock(id)
      await tx.certificates.update(id, { generation: (certificate?.generation ?? 0) + 1 })
    })
    gate.release()
    await untilBlocked(scene.services)
    expect(await isPending(done)).toBe(true)
    await change.commit()
    await done
    expect(await standings(id)).toEqual(['lost'])
  })

  it('waits for whoever is closing the order, and then finds it closed', async () => {
    const { id, orderId, gate, done } = await pausedAtTheIssuer()
    const close = await holdTransaction(scene.services, async (tx) => {
      await tx.orders.lock(orderId)
      await tx.orders.update(orderId, { state: 'abandoned', closed_at: tx.now, close_reason: 'by hand' })
    })
    gate.release()
    await untilBlocked(scene.services)
    await close.commit()
    await done
    expect(await standings(id)).toEqual(['lost'])
  })

  it('does not use a certificate whose key was blocked while it was being issued, and asks for another key', async () => {
    const { id, agent, orderId, gate, done } = await pausedAtTheIssuer()
    const order = await scene.services.store.orders.get(orderId)
    // Meanwhile its profile wants a second person, whom the next turn of the order asks.
    await addProfile(scene, { id: 'prof-late', requires_approval: true })
    await scene.services.store.certificates.update(id, { certificate_profile_id: 'prof-late' })
    scene.services.clock.advance(61)
    await scene.work()
    const waiting = await pendingOf(scene, id)
    await scene.services.store.transaction(async (tx) => {
      await tx.certificates.lock(id)
      await tx.blockedKeys.insert({
        spki_sha256: order?.spki_sha256 ?? '',
        reason: 'found in a log',
        blocked_by: 'operator',
        blocked_at: tx.now,
      })
    })
    gate.release()
    await done
    expect(await standings(id)).toEqual(['lost'])
    expect((await scene.services.store.orders.get(orderId))?.state).toBe('abandoned')
    expect(await scene.services.store.approvals.get(waiting.id)).toMatchObject({ state: 'expired' })
    expect(await scene.services.store.jobs.get(waiting.job_id)).toMatchObject({ state: 'done', outcome: 'superseded' })
    only(await agent.claim(), 'Issuance')
  })

  it('records and counts the same certificate once, however often it is answered', async () => {
    const before = await counted()
    const { id, gate, done } = await pausedAtTheIssuer()
    scene.services.clock.advance(61)
    await scene.work()
    gate.release()
    await done
    expect(await standings(id)).toEqual(['current'])
    expect(await counted()).toEqual({ ...before, issued: before.issued + 1, jobs: before.jobs + 1 })
  })
})
