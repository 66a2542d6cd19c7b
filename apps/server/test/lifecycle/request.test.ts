import { createCsr, generateKey } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { getCertificate } from '../../src/inventory/get-certificate.js'
import { archiveCertificate } from '../../src/lifecycle/asking/archive-certificate.js'
import { type CertificateChanges, changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { cancelJob } from '../../src/lifecycle/cancel-job.js'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { unlinkTarget } from '../../src/lifecycle/placement/unlink-target.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { createScene, only, operator, type Scene, served, withScene } from './scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
  const { store, clock } = scene.services
  const at = { created_at: clock.now(), updated_at: clock.now() }
  await store.owners.insert({ id: 'o-1', name: 'Ada', ...at })
  await store.teams.insert({ id: 't-1', name: 'Web', ...at })
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal
const change = async (certificateId: string, changes: Partial<CertificateChanges>) =>
  await changeCertificate(scene.services, { certificateId, actor: operator, check: async () => undefined, ...changes })

async function outsideCsr(name: string): Promise<string> {
  const { privateKeyPem } = await generateKey('RSA-2048')
  return await createCsr({ privateKeyPem, commonName: name, names: [{ type: 'dns', value: name }] })
}

describe('a request', () => {
  it('gives every kind of name its kind, once, the common name among them', async () => {
    const { id } = await scene.request({
      commonName: 'WWW.Example.test',
      sans: ['www.example.test.', '192.0.2.1', 'ops@example.test', 'spiffe://example.test/a', '*.example.test'],
    })
    const row = await scene.services.store.certificates.get(id)
    expect(row?.common_name).toBe('www.example.test')
    expect(row?.names).toEqual([
      { type: 'dns', value: 'www.example.test' },
      { type: 'ip', value: '192.0.2.1' },
      { type: 'email', value: 'ops@example.test' },
      { type: 'uri', value: 'spiffe://example.test/a' },
      { type: 'dns', value: '*.example.test' },
    ])
  })

  it('is refused for a name nobody certifies, naming the field', async () => {
    await expect(scene.request({ commonName: 'ok.example.test', sans: ['not a name'] })).rejects.toMatchObject({
      code: 'identifier_rejected',
      errors: [{ field: 'sans.0' }],
    })
  })

  it('waits for a target or a CSR, and says so', async () => {
    const { id, jobIds } = await scene.request({ commonName: 'waits.example.test' })
    expect(jobIds).toEqual([])
    const view = await getCertificate(scene.services, id)
    expect(view.status).toBe('Pending')
    expect(view.notices?.join()).toContain('add a target')
    await expect(
      renewCertificate(scene.services, { certificateId: id, actor: operator, force: false }),
    ).rejects.toMatchObject({ code: 'conflict' })
  })

  it('takes the only issuer where none is named, and names one that does not exist', async () => {
    const { id } = await scene.request({ commonName: 'default.example.test', issuerId: undefined })
    expect((await scene.services.store.certificates.get(id))?.issuer_id).toBe(scene.issuerId)
    await expect(scene.request({ commonName: 'x.example.test', issuerId: 'iss-none' })).rejects.toMatchObject({
      code: 'request_malformed',
      errors: [{ field: 'issuer_id' }],
    })
  })

  it('is refused for a name that is taken, and for a target that is not there, and then leaves nothing', async () => {
    await scene.request({ commonName: 'taken.example.test' })
    await expect(scene.request({ commonName: 'taken.example.test' })).rejects.toMatchObject({ code: 'conflict' })
    await expect(scene.request({ commonName: 'half.example.test', targetIds: ['target-none'] })).rejects.toMatchObject({
      code: 'request_malformed',
      errors: [{ field: 'target_ids.0' }],
    })
    expect(await scene.services.store.certificates.findLiveByName('half.example.test')).toBeUndefined()
  })

  it('with a CSR is issued for whoever holds the key, with names and key of the CSR where none were given', async () => {
    const { id, jobIds } = await scene.request({ csrPem: await outsideCsr('out.example.test') })
    expect(jobIds).toHaveLength(1)
    await scene.work()
    const view = await getCertificate(scene.services, id)
    expect(view).toMatchObject({ status: 'Active', common_name: 'out.example.test', key_algorithm: 'RSA-2048' })
    expect(view.holders).toMatchObject([{ kind: 'external' }])
  })

  it('with a CSR that does not fit the names is refused, and nothing is created', async () => {
    const csrPem = await outsideCsr('other.example.test')
    await expect(scene.request({ commonName: 'wanted.example.test', csrPem })).rejects.toMatchObject({
      code: 'identifier_rejected',
    })
    expect(await scene.services.store.certificates.findLiveByName('wanted.example.test')).toBeUndefined()
  })

  it('with a CSR whose common name is a host among none of its names is refused, given names or not', async () => {
    const { privateKeyPem } = await generateKey('EC-P256')
    const names = [{ type: 'dns' as const, value: 'good.example.test' }]
    const csrPem = await createCsr({ privateKeyPem, commonName: 'evil.example.test', names })
    const refused = { code: 'identifier_rejected', message: expect.stringContaining('evil.example.test') }
    await expect(scene.request({ csrPem })).rejects.toMatchObject(refused)
    await expect(scene.request({ csrPem, sans: ['good.example.test'] })).rejects.toMatchObject(refused)
    await expect(scene.request({ csrPem, commonName: 'good.example.test' })).rejects.toMatchObject(refused)
  })

  it('with a CSR keeps a common name that is a name of nothing on the network', async () => {
    const { privateKeyPem } = await generateKey('EC-P256')
    const names = [{ type: 'uri' as const, value: 'spiffe://example.test/device' }]
    const { id } = await scene.request({ csrPem: await createCsr({ privateKeyPem, commonName: 'Device 7', names }) })
    await scene.work()
    expect(scene.ca.asked.at(-1)).toMatchObject({ commonName: 'Device 7', names })
    expect((await getCertificate(scene.services, id)).status).toBe('Active')
  })

  it('renews an outside certificate from its CSR when its time has come', async () => {
    const { id } = await scene.request({ csrPem: await outsideCsr('again.example.test') })
    await scene.work()
    scene.services.clock.advance(61 * 86_400)
    await dueRenewals.run(scene.services, never)
    await scene.work()
    const { rows } = await scene.services.store.versions.page(id, { limit: 10, count: false })
    expect(rows.map(({ standing }) => standing)).toEqual(['current', 'previous'])
  })
})

describe('holders', () => {
  it('are one per agent, each with its own key and its own certificate', async () => {
    const [one, two] = [await scene.agent('agent-h1'), await scene.agent('agent-h2')]
    for (const [id, agent] of [
      ['target-h1', one],
      ['target-h1b', one],
      ['target-h2', two],
    ] as const)
      await scene.target(id, agent.id)
    const { id, jobIds } = await scene.request({
      commonName: 'pair.example.test',
      targetIds: ['target-h1', 'target-h1b', 'target-h2'],
    })
    expect(jobIds).toHaveLength(2)
    for (const agent of [one, two]) {
      const asked = only(await agent.claim())
      await agent.submit(asked, await agent.csr(asked))
    }
    await scene.work()
    const current = await scene.services.store.versions.listCurrent(id)
    expect(new Set(current.map(({ spki_sha256 }) => spki_sha256)).size).toBe(2)
    const fingerprints = async (agent: typeof one) =>
      (await agent.claim()).map(({ deployment }) => deployment?.fingerprint)
    const [first, again, ...none] = await fingerprints(one)
    expect([again, none]).toEqual([first, []])
    const [second] = await fingerprints(two)
    expect([first, second].toSorted()).toEqual(current.map(({ fingerprint }) => fingerprint).toSorted())
  })

  it('that are many are asked one at a time where each order costs something', async () => {
    await withScene({ metered: true }, async (costly) => {
      const agents = [await costly.agent('agent-m1'), await costly.agent('agent-m2')]
      for (const agent of agents) await costly.target(`target-${agent.id}`, agent.id)
      const { jobIds } = await costly.request({
        commonName: 'paid.example.test',
        targetIds: agents.map(({ id }) => `target-${id}`),
      })
      expect(jobIds).toHaveLength(1)
      const [first, second] = agents as [(typeof agents)[0], (typeof agents)[0]]
      expect(await second.claim()).toEqual([])
      const asked = only(await first.claim())
      await first.submit(asked, await first.csr(asked))
      expect(await second.claim()).toEqual([])
      await costly.work()
      const then = only(await second.claim())
      await second.submit(then, await second.csr(then))
      await costly.work()
      expect(costly.ca.asked.at(-1)?.siblings).toHaveLength(1)
    })
  })
})

describe('a target that is added later', () => {
  it('is deployed to at once where its agent holds the key', async () => {
    const { id, agent, fingerprint } = await served(scene, {
      name: 'l1.example.test',
      agentId: 'agent-l1',
      targetId: 'target-l1',
    })
    await scene.target('target-l1b', agent.id)
    await linkTarget(scene.services, { certificateId: id, targetId: 'target-l1b', actor: operator })
    const deployment = only(await agent.claim(), 'Deployment')
    expect(deployment).toMatchObject({ target_id: 'target-l1b', deployment: { fingerprint } })
  })

  it('gets a certificate of its own where its agent does not', async () => {
    const { id } = await served(scene, { name: 'l2.example.test', agentId: 'agent-l2', targetId: 'target-l2' })
    const other = await scene.agent('agent-l2b')
    await scene.target('target-l2b', other.id)
    await linkTarget(scene.services, { certificateId: id, targetId: 'target-l2b', actor: operator })
    const asked = only(await other.claim(), 'Issuance')
    await other.submit(asked, await other.csr(asked))
    await scene.work()
    only(await other.claim(), 'Deployment')
    expect(await scene.services.store.versions.listCurrent(id)).toHaveLength(2)
  })

  it('is refused where the target holds one certificate and has it, naming that one', async () => {
    const { agent } = await served(scene, { name: 'l3.example.test', agentId: 'agent-l3', targetId: 'target-l3' })
    await expect(scene.request({ commonName: 'l3b.example.test', targetIds: ['target-l3'] })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('l3.example.test'),
    })
    expect(await agent.claim()).toEqual([])
  })

  it('starts the issuance of a certificate that waited for one', async () => {
    const { id } = await scene.request({ commonName: 'l4.example.test' })
    const agent = await scene.agent('agent-l4')
    await scene.target('target-l4', agent.id)
    await linkTarget(scene.services, { certificateId: id, targetId: 'target-l4', actor: operator })
    only(await agent.claim(), 'Issuance')
    expect((await getCertificate(scene.services, id)).notices).toBeUndefined()
  })
})

describe('a target that is taken away', () => {
  it('gets nothing more, and its agent is not asked for a key for nothing', async () => {
    const { id, agent } = await served(scene, { name: 'u1.example.test', agentId: 'agent-u1', targetId: 'target-u1' })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await unlinkTarget(scene.services, { certificateId: id, targetId: 'target-u1', actor: operator })
    expect(await agent.claim()).toEqual([])
    expect((await getCertificate(scene.services, id)).notices?.join()).toContain('no target')
    scene.services.clock.advance(80 * 86_400)
    await dueRenewals.run(scene.services, never)
    expect(await agent.claim()).toEqual([])
  })

  it('is nothing to ask the CA for, though a worker has the job in hand already', async () => {
    const { services, ca } = scene
    const agent = await scene.agent('agent-u2')
    await scene.target('target-u2', agent.id)
    const { id } = await scene.request({ commonName: 'u2.example.test', targetIds: ['target-u2'] })
    const asked = only(await agent.claim())
    const orderId = await agent.submit(asked, await agent.csr(asked))
    const job = (await scene.claimServerJobs()).find((claimed) => claimed.order_id === orderId)
    await unlinkTarget(services, { certificateId: id, targetId: 'target-u2', actor: operator })
    const before = ca.asked.length
    await fulfilOrder(services, job as never, never)
    expect(ca.asked.length).toBe(before)
    expect(await services.store.orders.get(orderId)).toMatchObject({ state: 'abandoned', attempts: 0 })
    expect(await services.store.jobs.listOpenOfCertificate(id, 'issue')).toEqual([])
  })

  it('is ordered to the end where the CA was asked for it before', async () => {
    const { services, ca } = scene
    const agent = await scene.agent('agent-u3')
    await scene.target('target-u3', agent.id)
    const { id } = await scene.request({ commonName: 'u3.example.test', targetIds: ['target-u3'] })
    const asked = only(await agent.claim())
    await agent.submit(asked, await agent.csr(asked))
    const { answer } = ca
    ca.answer = async (request) => {
      await unlinkTarget(services, { certificateId: id, targetId: 'target-u3', actor: operator })
      return await answer(request)
    }
    await scene.work()
    ca.answer = answer
    expect(await services.store.versions.listCurrent(id)).toHaveLength(1)
  })
})

describe('a change', () => {
  it('of what is issued asks every holder for a new certificate; of anything else it does not', async () => {
    const { id, agent } = await served(scene, { name: 'c1.example.test', agentId: 'agent-c1', targetId: 'target-c1' })
    await change(id, { tags: { team: 'web' }, environment: 'production', name: 'renamed', ownerId: 'o-1' })
    expect(await agent.claim()).toEqual([])
    await change(id, { commonName: 'c1.example.test', sans: ['c1.example.test'] })
    expect(await agent.claim()).toEqual([])
    const row = await scene.services.store.certificates.get(id)
    expect(row).toMatchObject({ generation: 1, name: 'renamed', environment: 'production', tags: { team: 'web' } })

    await change(id, { keyAlgorithm: 'EC-P384' })
    expect(only(await agent.claim(), 'Renewal').key).toBe('EC-P384')
  })

  it('leaves what is not given, clears what is null, and puts a new common name in the place of the old', async () => {
    const { id } = await scene.request({
      commonName: 'c2.example.test',
      sans: ['more.example.test'],
      ownerId: 'o-1',
      teamId: 't-1',
    })
    await change(id, { commonName: 'c2b.example.test', ownerId: null })
    const row = await scene.services.store.certificates.get(id)
    expect(row).toMatchObject({ common_name: 'c2b.example.test', owner_id: null, team_id: 't-1' })
    expect(row?.names.map(({ value }) => value).toSorted()).toEqual(['c2b.example.test', 'more.example.test'])
  })

  it('of targets adds and removes, so that what is given is the whole set', async () => {
    const { id, agent } = await served(scene, { name: 'c3.example.test', agentId: 'agent-c3', targetId: 'target-c3' })
    await scene.target('target-c3b', agent.id)
    await change(id, { targetIds: ['target-c3b'] })
    const placements = await scene.services.store.placements.listOfCertificate(id)
    expect(placements.map(({ target_id }) => target_id)).toEqual(['target-c3b'])
    expect(only(await agent.claim(), 'Deployment').target_id).toBe('target-c3b')
  })
})

describe('an archived certificate', () => {
  it('is kept and shown, and never issued, renewed or deployed again', async () => {
    const { id, agent } = await served(scene, { name: 'z1.example.test', agentId: 'agent-z1', targetId: 'target-z1' })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await archiveCertificate(scene.services, { certificateId: id, actor: operator })
    await archiveCertificate(scene.services, { certificateId: id, actor: operator })
    expect(await agent.claim()).toEqual([])
    scene.services.clock.advance(80 * 86_400)
    await dueRenewals.run(scene.services, never)
    expect(await agent.claim()).toEqual([])
    expect((await getCertificate(scene.services, id)).status).toBe('Archived')
    await expect(
      renewCertificate(scene.services, { certificateId: id, actor: operator, force: true }),
    ).rejects.toMatchObject({
      code: 'request_malformed',
    })
  })
})

describe('a renewal by hand', () => {
  it('is refused while one is under way, and hurries it when forced', async () => {
    const { id, agent } = await served(scene, { name: 'r1.example.test', agentId: 'agent-r1', targetId: 'target-r1' })
    const first = await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await expect(
      renewCertificate(scene.services, { certificateId: id, actor: operator, force: false }),
    ).rejects.toMatchObject({
      code: 'conflict',
    })
    const asked = only(await agent.claim(), 'Renewal')
    await agent.report(asked, { outcome: 'failed', code: 'internal', message: 'not now' })
    expect(await agent.claim()).toEqual([])
    const forced = await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true })
    expect(forced.jobIds).not.toEqual(first.jobIds)
    only(await agent.claim(), 'Renewal')
  })
})

describe('a job that is cancelled', () => {
  it('is not made again by the schedule, and is by a person', async () => {
    const { id, agent } = await served(scene, { name: 'k1.example.test', agentId: 'agent-k1', targetId: 'target-k1' })
    const { jobIds } = await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await cancelJob(scene.services, { jobId: jobIds[0] ?? '', actor: operator, reason: 'not today' })
    await expect(cancelJob(scene.services, { jobId: jobIds[0] ?? '', actor: operator })).rejects.toMatchObject({
      code: 'conflict',
    })
    await dueRenewals.run(scene.services, never)
    expect(await agent.claim()).toEqual([])
    expect((await getCertificate(scene.services, id)).notices?.join()).toContain('not today')
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    only(await agent.claim(), 'Renewal')
  })
})
