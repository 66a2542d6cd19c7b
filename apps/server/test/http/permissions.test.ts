import { readFile, writeFile } from 'node:fs/promises'
import { operations } from '@certctl/api'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createTestApp, type TestApp } from './test-app.js'

/** Checked in and read line by line: who gets which answer to each route that the app has. 401 and 403 are refusals. */
const table = new URL('./permissions.txt', import.meta.url)

const callers = ['nobody', 'viewer', 'auditor', 'operator', 'admin', 'own agent', 'other agent'] as const
type Caller = (typeof callers)[number]

let app: TestApp
let own: { id: string; key: string }
let other: { id: string; key: string }

beforeAll(async () => {
  app = await createTestApp()
  own = await app.addAgent('own')
  other = await app.addAgent('other')
  await addJob('job-own', own.id)
  await addJob('job-other', other.id)
})
afterAll(async () => await app.close())

async function addJob(id: string, agentId: string): Promise<void> {
  const { clock, store } = app.services
  const target = await app.admin('POST', '/api/v1/targets', {
    id: `${id}-target`,
    name: id,
    type: 'X',
    agent_id: agentId,
  })
  expect(target.status).toBe(201)
  await store.jobs.insert({
    id,
    kind: 'test',
    state: 'ready',
    agent_id: agentId,
    target_id: `${id}-target`,
    run_at: new Date(clock.now().getTime() + 3_600_000),
    requested_by: 'test',
    created_at: clock.now(),
  })
}

const fingerprint = 'ab'.repeat(32)
const verify = {
  target_id: 'job-own-target',
  expected_fingerprint: fingerprint,
  actual_fingerprint: fingerprint,
  verified: true,
}
const report = { lease: 'none', outcome: 'done', duration_ms: 1 }
const csr = { csr_pem: 'x', lease: 'none' }

/** What is sent, where the usual body (one that no schema accepts, so that nothing changes) would hide who owns what. */
const bodies: Readonly<Record<string, unknown>> = { verifyJob: verify, reportJob: report, submitJobCsr: csr }

const probe = { 'no such field': true }

function pathOf(path: string, ids: { agent: string; job: string }): string {
  const isAgents = path.startsWith('/api/v1/agents/{id}')
  const isJobs = path === '/api/v1/jobs/{id}/verify'
  return path
    .replace('{id}', isAgents ? ids.agent : isJobs ? ids.job : 'nothing-here')
    .replace('{job_id}', ids.job)
    .replace(/\{\w+\}/g, 'nothing-here')
}

function keyOf(caller: Caller): string | undefined {
  if (caller === 'nobody') return undefined
  if (caller === 'own agent') return own.key
  return caller === 'other agent' ? other.key : app.keys[caller]
}

/** Bodies that no schema accepts and ids that nothing has: whoever gets past authorisation changes nothing. */
async function rowOf({ operation, method }: TestApp['app']['routes'][number]): Promise<string> {
  const isRetirement = operation.operationId === 'retireAgent'
  const path = pathOf(operation.path, { agent: isRetirement ? 'nothing-here' : own.id, job: 'job-own' })
  const cells: string[] = []
  for (const caller of callers) {
    const body = operation.body === undefined ? undefined : (bodies[operation.operationId] ?? probe)
    const { status } = await app.call(method, path, { key: keyOf(caller), body })
    cells.push(String(status).padEnd(Math.max(caller.length, 3)))
  }
  return [method.padEnd(6), operation.path.padEnd(48), ...cells].join('  ').trimEnd()
}

async function currentTable(): Promise<string> {
  const routes = app.app.routes.toSorted((a, b) =>
    `${a.operation.path} ${a.method}` < `${b.operation.path} ${b.method}` ? -1 : 1,
  )
  const rows: string[] = []
  for (const route of routes) rows.push(await rowOf(route))
  const head = ['method', 'path'.padEnd(48), ...callers.map((caller) => caller.padEnd(3))].join('  ')
  return `${[head, ...rows].join('\n')}\n`
}

describe('every route', () => {
  it('of the contract is served by the app', () => {
    const served = app.app.routes.map((route) => route.operation.operationId).sort()
    expect(served).toEqual(Object.keys(operations).sort())
  })

  it('answers each role, its own agent, another agent and nobody as the table says', async () => {
    const now = await currentTable()
    if (process.env.CERTCTL_UPDATE_TABLES === '1') await writeFile(table, now)
    expect(now).toBe(await readFile(table, 'utf8'))
  })

  it("under an agent's own id refuses what is another agent's", async () => {
    const nested = app.app.routes.filter((route) => route.operation.path.includes('{job_id}'))
    expect(nested.length).toBeGreaterThan(2)
    for (const { method, operation } of nested) {
      const path = pathOf(operation.path, { agent: own.id, job: 'job-other' })
      const body = bodies[operation.operationId] ?? { status: 'Completed' }
      const { status } = await app.call(method, path, { key: own.key, body })
      expect([operation.operationId, [403, 404].includes(status)]).toEqual([operation.operationId, true])
    }
    const foreign = await app.call('POST', '/api/v1/jobs/job-other/verify', { key: own.key, body: verify })
    expect([403, 404]).toContain(foreign.status)
  })

  it('that takes a path nobody declared is not there, whoever asks', async () => {
    for (const path of ['/api/v1', '/api/v1/admin', '/api/v2/issuers', '/api/v1/issuers/a/b/c', '/metrics']) {
      const { status } = await app.admin('GET', path)
      expect([path, status]).toEqual([path, 404])
    }
  })

  it('refuses somebody whose key was revoked like a stranger', async () => {
    const made = await app.admin('POST', '/api/v1/api-keys', { name: 'short-lived', role: 'admin' })
    const key = String(made.json.key)
    expect((await app.call('GET', '/api/v1/issuers', { key })).status).toBe(200)
    expect((await app.admin('DELETE', `/api/v1/api-keys/${made.json.id}`)).status).toBe(204)
    expect((await app.call('GET', '/api/v1/issuers', { key })).status).toBe(401)
  })
})
