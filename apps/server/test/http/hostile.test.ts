import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { until } from '../races/steps.js'
import { createTestApp, type TestApp } from './test-app.js'

const plainNouns = ['teams', 'owners', 'agent-groups', 'profiles', 'renewal-policies']

let app: TestApp
let agent: { id: string; key: string }
beforeAll(async () => {
  app = await createTestApp()
  agent = await app.addAgent('victim')
  await app.admin('POST', '/api/v1/targets', { id: 't1', name: 't1', type: 'X', agent_id: agent.id })
  for (const noun of plainNouns)
    expect((await app.admin('POST', `/api/v1/${noun}`, { id: 'x1', name: noun })).status).toBe(201)
})
afterAll(async () => await app.close())

const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
const bodies: readonly string[] = [
  'null',
  '[]',
  '"text"',
  '0',
  'true',
  '{"__proto__":{"admin":true},"constructor":{"prototype":{}}}',
  deep,
  `{"name":"${'x'.repeat(200_000)}"}`,
  '{"name":{"$ne":null},"id":["a"],"config":"text","agent_id":{}}',
  '{"name":"a\\u0000b","hostname":"h\\u0000","type":"X","agent_id":"a","role":"viewer"}',
  '{"name":"n","description":[],"email":{},"match_ip_cidr":7,"allowed_ekus":"all","alert_channels":[],"enabled":"yes","type":[]}',
  '{"name":"n","match_ip_cidr":"0.0.0.0/0/../","include_agent_ids":["constructor"],"alert_severity_map":{"__proto__":"warning"},"config":[]}',
  '{"id":"../../etc/passwd","name":"a","role":"admin","type":"X","agent_id":"x","hostname":"h"}',
]
const ids = ['..', '%2e%2e%2f', 'a%2Fb', '%00', '%ff', "x'--", '%F0%9F%92%A9', 'x'.repeat(5000), '.', '-x', '%25']
const queries = [
  '?page=-1',
  '?page=1e9',
  '?per_page=0',
  '?page_size=x',
  '?cursor=%00',
  '?cursor=AAAA',
  '?__proto__=1',
  '?a&a&a',
]

/** Everything that is sent: what changes something is sent by an administrator, what agents do by an agent. */
function keyFor(permission: string): string {
  return permission === 'agent.act' ? agent.key : app.keys.admin
}

const usual: Readonly<Record<string, string>> = {
  targets: 't1',
  policies: 'pr-require-owner',
  ...Object.fromEntries(plainNouns.map((noun) => [noun, 'x1'])),
}

function pathWith(path: string, id: string): string {
  return path.startsWith('/api/v1/agents/{id}')
    ? path.replace('{id}', agent.id).replace(/\{\w+\}/g, id)
    : path.replace(/\{\w+\}/g, id)
}

describe('whatever is sent', () => {
  it('in a body is answered, and never by a fault of the server', async () => {
    for (const { operation, method } of app.app.routes.filter((route) => route.operation.body !== undefined)) {
      const noun = operation.path.split('/')[3] ?? ''
      const path = pathWith(operation.path, usual[noun] ?? 'nothing')
      for (const raw of bodies) {
        const { status, text } = await app.call(method, path, { key: keyFor(operation.permission), raw })
        const seen = `${operation.operationId} ${raw.slice(0, 40)} → ${status}`
        expect([seen, status < 500 ? '' : text]).toEqual([seen, ''])
      }
    }
  })

  it('as an id is answered, and never by a fault of the server or with another thing', async () => {
    for (const { operation, method } of app.app.routes.filter((route) => route.path.includes(':'))) {
      for (const id of ids) {
        const path = pathWith(operation.path, id)
        if (path === operation.path || method === 'POST') continue
        const { status } = await app.call(method, path, { key: keyFor(operation.permission), raw: '{}' })
        const seen = `${operation.operationId} ${id.slice(0, 20)} → ${status}`
        expect([seen, status < 500]).toEqual([seen, true])
        if (path.includes(id) && method !== 'GET') expect([seen, status >= 400]).toEqual([seen, true])
      }
    }
  })

  it('as a query of a list is refused or understood', async () => {
    for (const { operation } of app.app.routes.filter((route) => route.operation.operationId.startsWith('list'))) {
      for (const query of queries) {
        const path = pathWith(operation.path, 't1') + query
        const { status } = await app.admin('GET', path)
        const seen = `${operation.operationId}${query} → ${status}`
        expect([seen, status < 500]).toEqual([seen, true])
      }
    }
  })

  it('as headers is refused or understood', async () => {
    const long = 'x'.repeat(20_000)
    for (const headers of [
      { 'idempotency-key': ' ' },
      { 'idempotency-key': 'x'.repeat(256) },
      { 'if-none-match': '"'.repeat(500) },
      { 'x-forwarded-for': ','.repeat(500) },
      { origin: 'null' },
      { authorization: `Bearer ${long}` },
    ]) {
      const { status } = await app.call('POST', '/api/v1/join-tokens', { key: app.keys.admin, body: {}, headers })
      expect(status).toBeLessThan(500)
    }
  })

  it('as text with characters that no database keeps is refused, naming the field', async () => {
    for (const [path, body, field] of [
      ['/api/v1/api-keys', { name: 'a\u0000b', role: 'viewer' }, 'name'],
      ['/api/v1/api-keys', { name: 'a', role: 'viewer', owner: 'x\u0000' }, 'owner'],
      ['/api/v1/agents', { name: 'a', hostname: 'h\u0000' }, 'hostname'],
      ['/api/v1/join-tokens', { agent_name: '\u0000' }, 'agent_name'],
      ['/api/v1/targets', { name: 'n', type: 'X', agent_id: agent.id, config: { a: ['\u0000'] } }, 'config.a.0'],
      ['/api/v1/targets', { name: 'n', type: 'X', agent_id: agent.id, config: { 'b\u0000': 1 } }, 'config'],
      ['/api/v1/teams', { name: 'n', description: '\u0000' }, 'description'],
      ['/api/v1/agent-groups', { name: 'n', include_agent_ids: ['\u0000'] }, 'include_agent_ids.0'],
      [
        '/api/v1/policies',
        { name: 'n', type: 'AllowedEnvironments', config: { allowed: ['\u0000'] } },
        'config.allowed.0',
      ],
      ['/api/v1/targets', { name: 'n\ud800', type: 'X', agent_id: agent.id }, 'name'],
    ] as const) {
      const { status, json } = await app.admin('POST', path, body)
      expect([path, field, status]).toEqual([path, field, 400])
      expect((json.errors as { field: string }[]).map((fault) => fault.field)).toEqual([field])
    }
    for (const path of ['/api/v1/events?type=%00', '/api/v1/audit?actor=a%00b', '/api/v1/agents?name=%00'])
      expect([path, (await app.admin('GET', path)).status]).toEqual([path, 400])
  })

  it('under an idempotency key may be nested as deeply as it likes', async () => {
    const headers = { 'idempotency-key': 'deep' }
    const { status } = await app.call('POST', '/api/v1/api-keys', { key: app.keys.admin, raw: deep, headers })
    expect(status).toBe(400)
  })

  it('leaves the server as it was: nobody became an administrator, nothing was retired', async () => {
    const admins = await app.admin('GET', '/api/v1/api-keys?role=admin')
    expect(admins.json.data?.map((key) => key.name)).toEqual(['the admin'])
    expect((await app.admin('GET', `/api/v1/agents/${agent.id}`)).json.retired_at).toBeUndefined()
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })
})

/** Speaks to the socket itself; resolves with everything that came back until the server closed. */
async function speak(text: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const socket = connect(app.port, '127.0.0.1', () => socket.end(text))
    let answer = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      answer += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

describe('a connection', () => {
  it('that does not speak HTTP is refused', async () => {
    expect(await speak('hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/)
  })

  it('that says two lengths for one body is refused', async () => {
    const smuggled =
      'POST /api/v1/agents/join HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
    expect(await speak(smuggled)).toMatch(/^HTTP\/1\.1 400/)
  })

  it('is not kept for a body that nobody will read', async () => {
    const head =
      'POST /api/v1/issuers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n'
    const answer = await speak(head)
    expect(answer).toMatch(/^HTTP\/1\.1 401/)
    expect(answer.toLowerCase()).toContain('connection: close')
  })

  it('ended by its client while it waits for work frees what waited', async () => {
    const before = app.services.logged.length
    const head = `GET /api/v1/agents/${agent.id}/work?wait=55 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${agent.key}\r\n\r\n`
    const { jobs } = app.services.store
    const { nextRunOfAgent } = jobs
    const parked = new Promise((resolve) => {
      // The last thing that it asks before it waits.
      jobs.nextRunOfAgent = async (...asked) => {
        const next = await nextRunOfAgent(...asked)
        setImmediate(resolve)
        return next
      }
    })
    const socket = connect(app.port, '127.0.0.1', () => socket.write(head))
    await parked
    jobs.nextRunOfAgent = nextRunOfAgent
    socket.destroy()
    const over = () => app.services.logged.slice(before).find((line) => String(line.path).endsWith('/work'))
    await until(async () => over() !== undefined, 'the request is over')
    // By itself it would have looked again after fifteen seconds.
    expect(over()?.ms).toBeLessThan(15_000)
  })
})
