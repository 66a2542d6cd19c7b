import { createRegistry } from '@certctl/core'
import { createCsr, generateKey } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import { createFakeCa, type FakeCa } from '../lifecycle/fake-ca.js'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let ca: FakeCa
const keys: Record<string, string> = {}

beforeAll(async () => {
  const registry = createRegistry()
  app = await createTestApp({ registry })
  ca = await createFakeCa(app.services.clock)
  registry.add({ kind: 'issuer', definition: ca.definition, package: 'fake-ca', version: '0.0.0' })
  const issuer = await app.admin('POST', '/api/v1/issuers', { id: 'iss-fake', name: 'fake', type: 'Fake', config: {} })
  expect(issuer.status).toBe(201)
  const profile = { id: 'prof-two', name: 'two people', requires_approval: true }
  expect((await app.admin('POST', '/api/v1/profiles', profile)).status).toBe(201)
  await addKey('ada', { owner: 'Ada Lovelace' })
  await addKey('ada-ci', { owner: ' ada  LOVELACE ' })
  await addKey('grace', { owner: 'Grace Hopper' })
  await addKey('nobody', {})
})
afterAll(async () => await app.close())

async function addKey(name: string, more: { owner?: string }): Promise<void> {
  const made = await app.admin('POST', '/api/v1/api-keys', { name, role: 'operator', ...more })
  expect(made.status).toBe(201)
  keys[name] = String(made.json.key)
}

const as = async (name: string, method: string, path: string, body?: unknown) =>
  await app.call(method, `/api/v1${path}`, { key: keys[name], body })

async function csr(): Promise<string> {
  const { privateKeyPem } = await generateKey('EC-P256')
  return await createCsr({ privateKeyPem, names: [{ type: 'dns', value: 'www.example.test' }] })
}

async function work(): Promise<void> {
  const { services } = app
  const now = services.clock.now()
  const until = new Date(now.getTime() + 60_000)
  const claimed = await services.store.jobs.claimForServer({ kinds: ['issue'], server: 'x', now, until, limit: 25 })
  for (const job of claimed)
    if (job.lease !== null) await fulfilOrder(services, { ...job, lease: job.lease }, new AbortController().signal)
}

/** A certificate of ada's that waits. */
async function waiting(name: string): Promise<{ id: string; approval: string; job: string }> {
  const body = { name, csr_pem: await csr(), issuer_id: 'iss-fake', certificate_profile_id: 'prof-two' }
  const made = await as('ada', 'POST', '/certificates', body)
  expect([made.status, made.text]).toEqual([201, expect.anything()])
  await work()
  const id = String(made.json.id)
  const { json } = await as('grace', 'GET', `/approvals?state=pending&certificate_id=${id}`)
  return { id, approval: String(json.data?.[0]?.id), job: String(json.data?.[0]?.job_id) }
}

describe('approvals over the API', () => {
  it('show what will happen, with who asked', async () => {
    const { approval, id } = await waiting('shown')
    const { json, status } = await as('grace', 'GET', `/approvals/${approval}`)
    expect(status).toBe(200)
    expect(json).toMatchObject({
      id: approval,
      certificate_id: id,
      profile_id: 'prof-two',
      requested_by: 'ada',
      state: 'pending',
      metadata: { names: ['www.example.test'], issuer_id: 'iss-fake', key_custody: 'outside', targets: [] },
    })
  })

  it('are refused to whoever asked, also with a second key of theirs, and given to somebody else', async () => {
    const { approval } = await waiting('two keys')
    const before = ca.asked.length
    for (const name of ['ada', 'ada-ci']) {
      const { status, json } = await as(name, 'POST', `/approvals/${approval}/approve`, {})
      expect([name, status, json.code]).toEqual([name, 403, 'forbidden'])
    }
    await work()
    expect(ca.asked).toHaveLength(before)
    const given = await as('grace', 'POST', `/approvals/${approval}/approve`, { note: 'fine' })
    expect([given.status, given.json]).toEqual([200, { id: approval, decided_by: 'grace', action: 'approved' }])
    await work()
    expect(ca.asked).toHaveLength(before + 1)
    const again = await as('grace', 'POST', `/approvals/${approval}/reject`, {})
    expect([again.status, again.json.code]).toEqual([409, 'conflict'])
  })

  it('know a key without an owner as a person of its own', async () => {
    const { approval } = await waiting('no owner')
    expect((await as('nobody', 'POST', `/approvals/${approval}/approve`, {})).status).toBe(200)
  })

  it('are decided by the job as well, as older clients do', async () => {
    const first = await waiting('by job')
    expect((await as('ada', 'POST', `/jobs/${first.job}/approve`, {})).status).toBe(403)
    const approved = await as('grace', 'POST', `/jobs/${first.job}/approve`, {})
    expect([approved.status, approved.json]).toEqual([200, { status: 'job_approved' }])
    expect((await as('grace', 'POST', `/jobs/${first.job}/approve`, {})).status).toBe(400)
    const second = await waiting('by job too')
    const rejected = await as('grace', 'POST', `/jobs/${second.job}/reject`, { reason: 'no ticket' })
    expect([rejected.status, rejected.json]).toEqual([200, { status: 'job_rejected' }])
    const job = await as('grace', 'GET', `/jobs/${second.job}`)
    expect(job.json).toMatchObject({ status: 'Cancelled', last_error: 'Rejected by grace: no ticket' })
    expect((await as('grace', 'POST', '/jobs/job-nothing/approve', {})).status).toBe(404)
  })

  it('hold up a CSR that is sent with a renewal like any other', async () => {
    const { id, approval } = await waiting('another csr')
    const sent = await as('ada-ci', 'POST', `/certificates/${id}/renew`, { csr_pem: await csr() })
    expect(sent.status).toBe(202)
    const before = ca.asked.length
    await work()
    expect(ca.asked).toHaveLength(before)
    expect((await as('grace', 'GET', `/approvals/${approval}`)).json.state).toBe('expired')
    const { json } = await as('grace', 'GET', `/approvals?state=pending&certificate_id=${id}`)
    expect(json.data).toHaveLength(1)
  })

  it('keep a certificate under a profile that wants two people', async () => {
    const { id } = await waiting('leaving')
    const { status, json } = await as('ada', 'PUT', `/certificates/${id}`, { certificate_profile_id: null })
    expect([status, json.code]).toEqual([403, 'policy_denied'])
  })

  it('tell people apart by owners, which only administrators write and nobody removes from under a live key', async () => {
    const owner = { id: 'o-mia', name: 'Mia  Moon', email: 'mia@example.test' }
    for (const [method, path, body] of [
      ['POST', '/owners', owner],
      ['PUT', '/owners/o-mia', { name: 'Other' }],
      ['DELETE', '/owners/o-mia', undefined],
    ] as const)
      expect([method, (await as('ada', method, path, body)).status]).toEqual([method, 403])
    expect((await app.admin('POST', '/api/v1/owners', owner)).status).toBe(201)
    for (const [name, written] of [
      ['mia-by-id', 'O-MIA'],
      ['mia-by-name', 'mia moon'],
      ['mia-by-address', 'Mia@Example.test'],
    ] as const) {
      const made = await app.admin('POST', '/api/v1/api-keys', { name, role: 'operator', owner: written })
      const kept = await app.admin('DELETE', '/api/v1/owners/o-mia')
      expect([kept.status, kept.json.code, kept.text]).toEqual([409, 'conflict', expect.stringContaining(name)])
      expect((await app.admin('DELETE', `/api/v1/api-keys/${made.json.id}`)).status).toBe(204)
    }
    expect((await app.admin('DELETE', '/api/v1/owners/o-mia')).status).toBe(204)
  })

  it('are read by everybody who reads, and decided by nobody who only reads', async () => {
    const { approval } = await waiting('roles')
    const viewer = { key: app.keys.viewer }
    expect((await app.call('GET', '/api/v1/approvals', viewer)).status).toBe(200)
    const decided = await app.call('POST', `/api/v1/approvals/${approval}/approve`, { ...viewer, body: {} })
    expect(decided.status).toBe(403)
    expect((await as('grace', 'GET', '/approvals/approval-nothing')).status).toBe(404)
  })
})
