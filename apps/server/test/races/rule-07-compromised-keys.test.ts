import { createCsr, generateKey } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { agentCertificate } from '../../src/inventory/agent-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import { deployCertificate } from '../../src/lifecycle/placement/deploy-certificate.js'
import { revokeCertificate } from '../../src/lifecycle/revocation/revoke-certificate.js'
import { revokeVersion } from '../../src/lifecycle/revocation/revoke-version.js'
import { createGate } from '../lifecycle/fake-ca.js'
import { createScene, only, operator, type Scene, served } from '../lifecycle/scene.js'
import { holdTransaction, untilBlocked } from './steps.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal
const compromised = { reason: 'keyCompromise' as const, reasonText: 'found in a log', actor: operator }

async function currentOf(id: string) {
  const [current] = await scene.services.store.versions.listCurrent(id)
  if (current === undefined) throw new Error('nothing is current')
  return current
}

/** A certificate of a key outside, whose renewals use the same key. */
async function outside(name: string): Promise<{ id: string; csrPem: string }> {
  const { privateKeyPem } = await generateKey('EC-P256')
  const csrPem = await createCsr({ privateKeyPem, commonName: name, names: [{ type: 'dns', value: name }] })
  const { id } = await scene.request({ csrPem })
  await scene.work()
  return { id, csrPem }
}

describe('rule 7: a compromised key is blocked under the lock of its certificate', () => {
  it('does not use what an order for the key brings after the key was blocked', async () => {
    const { id } = await outside('a.example.test')
    const first = await currentOf(id)
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const gate = createGate()
    const answer = scene.ca.answer
    scene.ca.answer = async (request) => {
      const outcome = await answer(request)
      await gate.pass()
      return outcome
    }
    const [job] = await scene.claimServerJobs()
    const done = fulfilOrder(scene.services, job as never, never)
    await gate.reached
    scene.ca.answer = answer

    await revokeVersion(scene.services, { versionId: first.id, ...compromised })
    expect(await scene.services.store.orders.get(job?.order_id ?? '')).toMatchObject({ state: 'abandoned' })
    gate.release()
    await done
    const { rows } = await scene.services.store.versions.page(id, { limit: 10, count: false })
    expect(rows.find((version) => version.id !== first.id)).toMatchObject({ standing: 'lost' })
    expect(await scene.services.store.orders.get(job?.order_id ?? '')).toMatchObject({ state: 'abandoned' })
  })

  it('waits for whoever is blocking the key, and then refuses its CSR', async () => {
    const { agent, id } = await served(scene, { name: 'b.example.test', agentId: 'agent-b', targetId: 'target-b' })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const asked = only(await agent.claim(), 'Renewal')
    const csr = await agent.csr(asked)
    const { parseCsr } = await import('@certctl/pki')
    const block = await holdTransaction(scene.services, async (tx) => {
      await tx.certificates.lock(id)
      await tx.blockedKeys.insert({
        spki_sha256: parseCsr(csr).publicKey.spkiSha256,
        reason: 'found in a log',
        blocked_by: 'operator',
        blocked_at: tx.now,
      })
    })
    const submitted = agent.submit(asked, csr)
    submitted.catch(() => undefined)
    await untilBlocked(scene.services)
    await block.commit()
    await expect(submitted).rejects.toMatchObject({ code: 'csr_rejected' })
  })

  it('asks again at the issuer’s door, for a key that was blocked after its CSR was taken', async () => {
    const { agent, id } = await served(scene, { name: 'c.example.test', agentId: 'agent-c', targetId: 'target-c' })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const asked = only(await agent.claim(), 'Renewal')
    const orderId = await agent.submit(asked, await agent.csr(asked))
    const order = await scene.services.store.orders.get(orderId)
    await scene.services.store.transaction(
      async (tx) =>
        await tx.blockedKeys.insert({
          spki_sha256: order?.spki_sha256 ?? '',
          reason: 'found in a log',
          blocked_by: 'operator',
          blocked_at: tx.now,
        }),
    )
    const before = scene.ca.asked.length
    await scene.work()
    expect(scene.ca.asked).toHaveLength(before)
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({ state: 'invalid' })
  })

  it('freezes placements of what is revoked, and refuses its deployments and its material', async () => {
    const { agent, id } = await served(scene, { name: 'd.example.test', agentId: 'agent-d', targetId: 'target-d' })
    const current = await currentOf(id)
    await deployCertificate(scene.services, { certificateId: id, actor: operator })
    await revokeVersion(scene.services, { versionId: current.id, ...compromised })

    const [placement] = await scene.services.store.placements.listOfCertificate(id)
    expect(placement?.frozen_at).not.toBeNull()
    const items = await agent.claim()
    expect(items.map(({ type }) => type)).toEqual(['Renewal'])
    await expect(
      agentCertificate(scene.services, { agentId: agent.id, certificateId: id, fingerprint: current.fingerprint }),
    ).rejects.toMatchObject({ code: 'conflict' })
  })

  it('does not hand out a deployment whose certificate is revoked while the claim waits for the target', async () => {
    const { agent, id } = await served(scene, { name: 'e.example.test', agentId: 'agent-e', targetId: 'target-e' })
    const current = await currentOf(id)
    await deployCertificate(scene.services, { certificateId: id, actor: operator })
    const held = await holdTransaction(scene.services, async (tx) => {
      await tx.targets.lock('target-e')
      await tx.versions.update(current.id, { revoked_at: tx.now, revocation_reason: 'unspecified' })
    })
    const claim = agent.claim()
    await untilBlocked(scene.services)
    await held.commit()
    expect((await claim).filter(({ type }) => type === 'Deployment')).toEqual([])
  })

  it('asks every holder of the key for a new one, and deploys what comes to the frozen placement', async () => {
    const { agent, id } = await served(scene, { name: 'f.example.test', agentId: 'agent-f', targetId: 'target-f' })
    const current = await currentOf(id)
    await revokeVersion(scene.services, { versionId: current.id, ...compromised })
    const asked = only(await agent.claim(), 'Renewal')
    await agent.submit(asked, await agent.csr(asked))
    await scene.work()
    await agent.deployed(only(await agent.claim(), 'Deployment'))
    const [placement] = await scene.services.store.placements.listOfCertificate(id)
    expect(placement).toMatchObject({ state: 'served', frozen_at: null })
  })

  it('counts a pending order with a new key as the new issuance', async () => {
    const { agent, id } = await served(scene, { name: 'g.example.test', agentId: 'agent-g', targetId: 'target-g' })
    const current = await currentOf(id)
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    const asked = only(await agent.claim(), 'Renewal')
    const orderId = await agent.submit(asked, await agent.csr(asked))
    await revokeVersion(scene.services, { versionId: current.id, ...compromised })
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({ state: 'open' })
    expect(await agent.claim()).toEqual([])
    await scene.work()
    expect((await currentOf(id)).order_id).toBe(orderId)
  })

  /** A second certificate of the same key, whose order its CA answers when the test lets it. */
  async function ordered(privateKeyPem: string, name: string) {
    const csrPem = await createCsr({ privateKeyPem, commonName: name, names: [{ type: 'dns', value: name }] })
    const { id } = await scene.request({ csrPem })
    const gate = createGate()
    const answer = scene.ca.answer
    scene.ca.answer = async (request) => {
      const outcome = await answer(request)
      await gate.pass()
      return outcome
    }
    const [job] = await scene.claimServerJobs()
    if (job === undefined) throw new Error('nothing is ordered')
    const done = fulfilOrder(scene.services, job, never)
    await gate.reached
    scene.ca.answer = answer
    return { id, job, gate, done }
  }

  async function issuedWithKey(name: string) {
    const { privateKeyPem } = await generateKey('EC-P256')
    const csrPem = await createCsr({ privateKeyPem, commonName: name, names: [{ type: 'dns', value: name }] })
    const { id } = await scene.request({ csrPem })
    await scene.work()
    return { id, privateKeyPem, version: await currentOf(id) }
  }

  it('revokes what another certificate with the key gets in the moment in which the key is blocked', async () => {
    const { privateKeyPem, version } = await issuedWithKey('h1.example.test')
    const second = await ordered(privateKeyPem, 'h2.example.test')
    // The answer is judged and written, and not committed yet, while the revocation looks for what has the key.
    const held = await holdTransaction(scene.services, async (tx) => void (await tx.jobs.lock(second.job.id)))
    second.gate.release()
    await untilBlocked(scene.services)
    const revoked = revokeVersion(scene.services, { versionId: version.id, ...compromised })
    await untilBlocked(scene.services, 2)
    await held.commit()
    await Promise.all([second.done, revoked])
    expect(await currentOf(second.id)).toMatchObject({ revocation_reason: 'keyCompromise' })
  })

  it('never makes current what comes for another certificate while the key is being blocked', async () => {
    const { id, privateKeyPem, version } = await issuedWithKey('i1.example.test')
    const second = await ordered(privateKeyPem, 'i2.example.test')
    const held = await holdTransaction(scene.services, async (tx) => void (await tx.certificates.lock(id)))
    const revoked = revokeVersion(scene.services, { versionId: version.id, ...compromised })
    await untilBlocked(scene.services)
    second.gate.release()
    await untilBlocked(scene.services, 2)
    await held.commit()
    await Promise.all([second.done, revoked])
    expect(await scene.services.store.versions.listCurrent(second.id)).toEqual([])
    const { rows } = await scene.services.store.versions.page(second.id, { limit: 10, count: false })
    expect(rows).toMatchObject([{ standing: 'lost' }])
    expect(rows[0]?.revoked_at).not.toBeNull()
  })

  it('abandons the orders of other certificates for the key, and asks their holders for another', async () => {
    const { privateKeyPem, version } = await issuedWithKey('j1.example.test')
    const second = await ordered(privateKeyPem, 'j2.example.test')
    await revokeVersion(scene.services, { versionId: version.id, ...compromised })
    expect(await scene.services.store.orders.get(second.job.order_id ?? '')).toMatchObject({ state: 'abandoned' })
    const [holder] = await scene.services.store.holders.listOfCertificate(second.id)
    expect(await scene.services.store.events.isOpen(`csr-needed:${holder?.id}:warning`)).toBe(true)
    second.gate.release()
    await second.done
    expect(await scene.services.store.versions.listCurrent(second.id)).toEqual([])
  })

  it('lets two revocations of certificates that share keys wait for each other, not both for ever', async () => {
    const first = await issuedWithKey('k1.example.test')
    const csrPem = await createCsr({
      privateKeyPem: first.privateKeyPem,
      commonName: 'k2.example.test',
      names: [{ type: 'dns', value: 'k2.example.test' }],
    })
    const second = await scene.request({ csrPem })
    await scene.work()
    const revocations = [first.id, second.id].map((certificateId) =>
      revokeCertificate(scene.services, { certificateId, ...compromised }),
    )
    const outcomes = await Promise.allSettled(revocations)
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    for (const id of [first.id, second.id])
      expect(await currentOf(id)).toMatchObject({ revocation_reason: 'keyCompromise' })
  })
})
