import { createRegistry } from '@certctl/core'
import { createCsr, generateKey, parseCertificate } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startWorkers, type Workers } from '../../src/work/worker.js'
import { createFakeCa, type FakeCa } from '../lifecycle/fake-ca.js'
import { makeCsr } from '../lifecycle/scene.js'
import { until } from '../races/steps.js'
import { type Answer, createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let ca: FakeCa
let workers: Workers
beforeAll(async () => {
  const registry = createRegistry()
  app = await createTestApp({ registry })
  ca = await createFakeCa(app.services.clock)
  registry.add({ kind: 'issuer', definition: ca.definition, package: 'fake-ca', version: '0.0.0' })
  expect(
    (await app.admin('POST', '/api/v1/issuers', { id: 'iss-fake', name: 'Fake', type: 'Fake', config: {} })).status,
  ).toBe(201)
  workers = startWorkers(app.services)
})
afterAll(async () => {
  await workers.stop()
  await app.close()
})

interface Agent {
  id: string
  key: string
  call(method: string, path: string, body?: unknown): Promise<Answer>
}

async function addAgent(name: string): Promise<Agent> {
  const made = await app.addAgent(name)
  return {
    ...made,
    call: async (method, path, body) =>
      await app.call(method, `/api/v1/agents/${made.id}${path}`, { key: made.key, body }),
  }
}

async function addTarget(name: string, agentId: string): Promise<string> {
  const { status, json } = await app.admin('POST', '/api/v1/targets', {
    name,
    type: 'probe',
    agent_id: agentId,
    config: {},
  })
  expect(status).toBe(201)
  return json.id as string
}

type Job = Record<string, string> & { deployment?: { fingerprint: string }; names?: { type: 'dns'; value: string }[] }
const jobsOf = ({ json }: Answer) => json.jobs as unknown as Job[]

/** The answer to a CSR, asked for again as an agent does while the order takes longer than one call waits. */
async function signed(send: () => Promise<Answer>): Promise<Answer> {
  let answer = await send()
  await until(async () => {
    if (answer.json.status !== 'order_pending') return true
    answer = await send()
    return false
  })
  return answer
}

async function createdOutside(name: string, more: object = {}): Promise<string> {
  const { privateKeyPem } = await generateKey('EC-P256')
  const csr_pem = await createCsr({ privateKeyPem, commonName: name, names: [{ type: 'dns', value: name }] })
  const { json, status } = await app.admin('POST', '/api/v1/certificates', { csr_pem, ...more })
  expect(status).toBe(201)
  const id = json.id as string
  await until(async () => (await app.admin('GET', `/api/v1/certificates/${id}`)).json.status === 'Active')
  return id
}

describe('an agent of our own over the wire', () => {
  it('takes a certificate from its request to served by long poll, CSR, material and report', async () => {
    const agent = await addAgent('own')
    const targetId = await addTarget('own', agent.id)
    const parked = agent.call('GET', '/work?wait=55&lease=60&boot=b1')
    const created = await app.admin('POST', '/api/v1/certificates', {
      common_name: 'own.example.test',
      target_ids: [targetId],
    })
    expect(created.status).toBe(201)
    expect(created.json).toMatchObject({ status: 'Pending', target_ids: [targetId], common_name: 'own.example.test' })

    const woken = await parked
    expect(woken.status).toBe(200)
    const [asked] = jobsOf(woken)
    if (asked === undefined) throw new Error('no CSR was asked for')
    expect(asked).toMatchObject({
      type: 'Issuance',
      status: 'AwaitingCSR',
      key: 'EC-P256',
      certificate_id: created.json.id,
    })
    const csr_pem = await makeCsr(asked as never)
    const send = async () => await agent.call('POST', `/jobs/${asked.id}/csr`, { csr_pem, lease: asked.lease })
    expect(await signed(send)).toMatchObject({ status: 202, json: { status: 'csr_signed' } })
    expect(await send()).toMatchObject({ status: 202, json: { status: 'csr_signed' } })

    const [deployment] = jobsOf(await agent.call('GET', '/work?lease=60&boot=b1'))
    if (deployment?.deployment === undefined) throw new Error('no deployment was given')
    const { fingerprint } = deployment.deployment
    const material = await agent.call('GET', `/certificates/${created.json.id}?fingerprint=${fingerprint}`)
    expect(material.json).toMatchObject({ fingerprint })
    expect(parseCertificate(material.json.leaf_pem as string).fingerprint).toBe(fingerprint)
    const report = {
      lease: deployment.lease,
      outcome: 'done',
      fingerprint,
      receipt: { changed: true, served: 'served', location: '/x', effective: 'now' },
      duration_ms: 5,
    }
    expect((await agent.call('POST', `/jobs/${deployment.id}/report`, report)).status).toBe(200)
    expect((await agent.call('POST', `/jobs/${deployment.id}/report`, report)).status).toBe(200)
    const foreign = { ...report, lease: 'another' }
    expect((await agent.call('POST', `/jobs/${deployment.id}/report`, foreign)).status).toBe(409)

    const placements = await app.admin('GET', `/api/v1/certificates/${created.json.id}/placements`)
    expect(placements.json.data).toMatchObject([{ state: 'served', served_fingerprint: fingerprint }])
    const work = await agent.call('GET', '/work?lease=60&boot=b1')
    expect(work.json).toMatchObject({ jobs: [], count: 0 })
    expect(work.json.keys).toMatchObject([{ certificate_id: created.json.id }])
    const observed = {
      placements: [{ target_id: targetId, certificate_id: created.json.id, file: { matches: true, location: '/x' } }],
    }
    expect((await agent.call('POST', '/observations', observed)).status).toBe(204)
  })

  it('may not speak for another', async () => {
    const [one, two] = [await addAgent('one'), await addAgent('two')]
    const path = `/api/v1/agents/${two.id}/work`
    expect((await app.call('GET', path, { key: one.key })).status).toBe(403)
  })
})

describe('an agent of the first protocol over the wire', () => {
  it('gets the statuses, names and types it expects, from its first poll to 410', async () => {
    const agent = await addAgent('old')
    const targetId = await addTarget('old', agent.id)
    const beat = await agent.call('POST', '/heartbeat', {
      version: '1.0.0',
      hostname: 'h',
      os: 'linux',
      architecture: 'amd64',
      ip_address: '192.0.2.9',
    })
    expect(beat).toMatchObject({ status: 200, json: { status: 'heartbeat_recorded' } })
    expect((await agent.call('GET', '/work')).json).toMatchObject({ jobs: [], count: 0 })

    for (const [noun, id] of Object.entries({ owners: 'o-1', teams: 't-1', 'renewal-policies': 'rp-1' }))
      expect((await app.admin('POST', `/api/v1/${noun}`, { id, name: id })).status).toBe(201)
    const { json: certificate } = await app.admin('POST', '/api/v1/certificates', {
      name: 'old',
      common_name: 'old.example.test',
      owner_id: 'o-1',
      team_id: 't-1',
      issuer_id: 'iss-fake',
      renewal_policy_id: 'rp-1',
      target_ids: [targetId],
    })
    const work = await agent.call('GET', '/work')
    expect(work.json).toMatchObject({
      count: 1,
      jobs: [
        {
          type: 'Issuance',
          status: 'AwaitingCSR',
          certificate_id: certificate.id,
          common_name: 'old.example.test',
          sans: ['old.example.test'],
        },
      ],
    })
    const [asked] = jobsOf(work)
    for (const _again of [1, 2]) {
      const csr = { csr_pem: await makeCsr(asked as never), certificate_id: certificate.id }
      const answer = await signed(async () => await agent.call('POST', '/csr', csr))
      expect(answer).toMatchObject({ status: 202, json: { status: 'csr_signed' } })
    }
    expect((await agent.call('POST', '/csr', { csr_pem: 'no CSR', certificate_id: certificate.id })).status).toBe(400)

    const [deployment] = jobsOf(await agent.call('GET', '/work'))
    expect(deployment).toMatchObject({
      type: 'Deployment',
      target_id: targetId,
      target_type: 'probe',
      target_config: {},
    })
    const job = `/jobs/${deployment?.id}/status`
    expect(await agent.call('POST', job, { status: 'Running' })).toMatchObject({
      status: 200,
      json: { status: 'updated' },
    })
    expect((await agent.call('POST', job, { status: '' })).status).toBe(400)
    const material = await agent.call('GET', `/certificates/${certificate.id}`)
    const pem = material.json.certificate_pem as string
    const { fingerprint } = parseCertificate(pem.split(/(?<=-----END CERTIFICATE-----\n)/)[0] ?? '')

    const verify = {
      target_id: targetId,
      expected_fingerprint: fingerprint,
      actual_fingerprint: fingerprint,
      verified: true,
    }
    const verified = await app.call('POST', `/api/v1/jobs/${deployment?.id}/verify`, { key: agent.key, body: verify })
    expect(verified).toMatchObject({ status: 200, json: { job_id: deployment?.id, verified: true } })
    expect((await agent.call('POST', job, { status: 'Completed' })).status).toBe(200)
    const shown = await app.admin('GET', `/api/v1/jobs/${deployment?.id}`)
    expect(shown.json).toMatchObject({
      type: 'Deployment',
      status: 'Completed',
      verification_status: 'success',
      attempts: 1,
    })
    expect((await app.admin('GET', `/api/v1/jobs/${deployment?.id}/verification`)).json).toMatchObject({
      actual_fingerprint: fingerprint,
    })
    const deployments = await app.admin('GET', `/api/v1/certificates/${certificate.id}/deployments`)
    expect(deployments.json).toMatchObject({ total: 1, data: [{ id: targetId }] })

    expect((await app.admin('DELETE', `/api/v1/agents/${agent.id}?force=true&reason=gone`)).status).toBe(200)
    expect((await agent.call('GET', '/work')).status).toBe(410)
  })
})

describe('certificates over the wire', () => {
  it('are read, listed, renewed, exported and archived', async () => {
    const id = await createdOutside('wire.example.test', { tags: { a: 'b' } })
    const one = await app.admin('GET', `/api/v1/certificates/${id}`)
    expect(one.json).toMatchObject({ id, tags: { a: 'b' }, holders: [{ kind: 'external' }], source: 'api' })
    expect(one.headers.etag).toBeDefined()
    const versions = await app.admin('GET', `/api/v1/certificates/${id}/versions`)
    expect(versions.json).toMatchObject({
      total: 1,
      data: [{ certificate_id: id, current: true, key_algorithm: 'EC' }],
    })

    const pem = await app.admin('GET', `/api/v1/certificates/${id}/export/pem`)
    expect(pem.json.full_pem).toBe(`${pem.json.cert_pem}${pem.json.chain_pem}`)
    const file = await app.admin('GET', `/api/v1/certificates/${id}/export/pem?download=true`)
    expect(file.headers['content-type']).toBe('application/x-pem-file')
    expect(file.text).toBe(pem.json.full_pem)

    expect(await app.admin('POST', `/api/v1/certificates/${id}/renew?force=true`)).toMatchObject({
      status: 202,
      json: { status: 'renewal_triggered', job_id: expect.any(String) },
    })
    expect((await app.admin('POST', `/api/v1/certificates/${id}/deploy`)).status).toBe(409)
    expect((await app.admin('DELETE', `/api/v1/certificates/${id}`)).status).toBe(204)
    expect((await app.admin('GET', `/api/v1/certificates/${id}`)).json.status).toBe('Archived')
    expect((await app.admin('GET', '/api/v1/certificates/cert-none')).status).toBe(404)
  })

  it('are changed field by field, and only by whoever saw what is there', async () => {
    const { json, headers } = await (async () => {
      const { json: made } = await app.admin('POST', '/api/v1/certificates', {
        common_name: 'put.example.test',
        environment: 'staging',
      })
      return await app.admin('GET', `/api/v1/certificates/${made.id}`)
    })()
    const path = `/api/v1/certificates/${json.id}`
    const put = async (body: unknown, etag?: string) =>
      await app.call('PUT', path, {
        key: app.keys.operator,
        body,
        headers: etag === undefined ? {} : { 'if-match': etag },
      })
    expect((await put({ tags: { x: 'y' } }, headers.etag)).json).toMatchObject({
      environment: 'staging',
      tags: { x: 'y' },
    })
    expect((await put({ environment: null }, headers.etag)).status).toBe(412)
    expect((await put({ environment: null })).json).toMatchObject({ environment: '', tags: { x: 'y' } })
    expect((await put({ target_ids: ['target-none'] })).status).toBe(400)
  })

  it('are made, and put back, as they are read where they have no environment', async () => {
    const { json: made } = await app.admin('POST', '/api/v1/certificates', {
      common_name: 'read.example.test',
      environment: '',
    })
    const path = `/api/v1/certificates/${made.id}`
    const { json: read } = await app.admin('GET', path)
    expect(read.environment).toBe('')
    expect(await app.admin('PUT', path, read)).toMatchObject({ status: 200, json: { environment: '' } })
    expect((await app.admin('PUT', path, { environment: 'staging' })).json.environment).toBe('staging')
    expect((await app.admin('PUT', path, { environment: '' })).json.environment).toBe('')
    expect((await app.admin('PUT', path, { environment: 'x'.repeat(129) })).status).toBe(400)
  })

  it('come in pages of both kinds, in any order, filtered, with only the fields asked for', async () => {
    const names = ['p1', 'p2', 'p3', 'p4', 'p5'].map((name) => `${name}.pages.test`)
    for (const name of names) {
      app.services.clock.advance(1)
      await app.admin('POST', '/api/v1/certificates', { common_name: name, environment: 'pages' })
    }
    const list = async (query: string) =>
      (await app.admin('GET', `/api/v1/certificates?environment=pages&${query}`)).json
    expect(await list('page=2&per_page=2')).toMatchObject({
      total: 5,
      page: 2,
      per_page: 2,
      data: [{ name: names[2] }, { name: names[3] }],
    })
    for (const sort of ['createdAt', '-createdAt', 'name', '-name', 'notAfter', '-notAfter', 'status', 'commonName']) {
      const seen: unknown[] = []
      let cursor = ''
      for (let page = 0; page < 5; page += 1) {
        const answer = await list(`page_size=2&fields=name&sort=${sort}${cursor}`)
        seen.push(...(answer.data ?? []).map((row) => Object.keys(row).toSorted().join() === 'id,name' && row.name))
        if (answer.next_cursor === undefined) break
        cursor = `&cursor=${encodeURIComponent(answer.next_cursor as string)}`
      }
      expect([sort, seen.toSorted()]).toEqual([sort, names])
    }
    expect(await list('name=p3.pages.test')).toMatchObject({ total: 1 })
    expect(await list('status=Active')).toMatchObject({ total: 0, data: [] })
    expect(await list('status=Pending')).toMatchObject({ total: 5 })
    expect((await app.admin('GET', '/api/v1/certificates?sort=colour')).status).toBe(400)
  })

  it('go to targets that are added and removed one by one', async () => {
    const agent = await addAgent('links')
    const targetId = await addTarget('links', agent.id)
    const { json } = await app.admin('POST', '/api/v1/certificates', { common_name: 'links.example.test' })
    const path = `/api/v1/certificates/${json.id}/targets`
    expect(await app.admin('POST', path, { target_id: targetId })).toMatchObject({
      status: 201,
      json: { state: 'pending', target_id: targetId },
    })
    expect((await app.admin('POST', path, { target_id: targetId })).status).toBe(409)
    expect((await app.admin('GET', path)).json).toMatchObject({ total: 1, data: [{ id: targetId }] })
    expect((await app.admin('DELETE', `/api/v1/targets/${targetId}`)).status).toBe(409)
    expect((await app.admin('DELETE', `${path}/${targetId}`)).status).toBe(204)
    expect((await app.admin('DELETE', `${path}/${targetId}`)).status).toBe(404)
  })
})

describe('jobs and status over the wire', () => {
  it('are listed by the old words, cancelled, and counted', async () => {
    const agent = await addAgent('jobs')
    const targetId = await addTarget('jobs', agent.id)
    const { json } = await app.admin('POST', '/api/v1/certificates', {
      common_name: 'jobs.example.test',
      target_ids: [targetId],
    })
    const waiting = await app.admin('GET', `/api/v1/jobs?status=AwaitingCSR&type=Issuance&certificate_id=${json.id}`)
    expect(waiting.json).toMatchObject({
      total: 1,
      data: [{ type: 'Issuance', status: 'AwaitingCSR', agent_id: agent.id }],
    })
    const jobId = waiting.json.data?.[0]?.id
    expect(await app.admin('POST', `/api/v1/jobs/${jobId}/cancel`)).toMatchObject({
      status: 200,
      json: { status: 'job_cancelled' },
    })
    expect((await app.admin('POST', `/api/v1/jobs/${jobId}/cancel`)).status).toBe(409)
    expect((await app.admin('GET', `/api/v1/jobs/${jobId}`)).json).toMatchObject({ status: 'Cancelled' })
    const cursor = await app.admin('GET', '/api/v1/jobs?page_size=1')
    expect(cursor.json).toMatchObject({ page_size: 1, next_cursor: expect.any(String) })

    const status = await app.admin('GET', '/api/v1/status')
    expect(status.json).toMatchObject({
      version: expect.any(String),
      failing: [],
      placements: { served: expect.any(Number) },
    })
  })
})
