import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { emitEvent } from '../../src/notify/emit-event.js'
import { openDatabase } from '../../src/store/database.js'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
beforeAll(async () => {
  app = await createTestApp()
})
afterAll(async () => await app.close())

describe('API keys', () => {
  it('are made with a role, an owner and an end, and show their value once', async () => {
    const expires_at = new Date(app.services.clock.now().getTime() + 86_400_000).toISOString()
    const made = await app.admin('POST', '/api/v1/api-keys', { name: 'CI', role: 'operator', owner: 'Ann', expires_at })
    expect(made.status).toBe(201)
    expect(made.json).toMatchObject({ name: 'CI', role: 'operator', owner: 'Ann', expires_at })
    const { key, ...shown } = made.json
    expect((await app.admin('GET', `/api/v1/api-keys/${made.json.id}`)).json).toEqual(shown)
    const check = await app.call('GET', '/api/v1/auth/check', { key: String(key) })
    expect(check.json).toMatchObject({ user: 'CI', admin: false, role: 'operator', expires_at })
    expect(check.json.permissions).toContain('certificates.write')
    expect(check.json.permissions).not.toContain('api_keys.write')
  })

  it('are listed by role, without those that were revoked', async () => {
    const made = await app.admin('POST', '/api/v1/api-keys', { name: 'second operator', role: 'operator' })
    const names = async () =>
      (await app.admin('GET', '/api/v1/api-keys?role=operator')).json.data?.map((entry) => entry.name)
    expect(await names()).toContain('second operator')
    expect((await app.admin('DELETE', `/api/v1/api-keys/${made.json.id}`)).status).toBe(204)
    expect(await names()).not.toContain('second operator')
    expect((await app.admin('GET', `/api/v1/api-keys/${made.json.id}`)).status).toBe(404)
    expect((await app.admin('DELETE', `/api/v1/api-keys/${made.json.id}`)).status).toBe(404)
  })

  it('with the role of an agent, a past end or a taken id are refused', async () => {
    const refused = async (body: object) => (await app.admin('POST', '/api/v1/api-keys', body)).status
    expect(await refused({ name: 'a', role: 'agent' })).toBe(400)
    expect(await refused({ name: 'a', role: 'viewer', expires_at: '2001-01-01T00:00:00Z' })).toBe(400)
    expect(await refused({ id: 'mine', name: 'a', role: 'viewer' })).toBe(201)
    expect(await refused({ id: 'mine', name: 'b', role: 'viewer' })).toBe(409)
  })
})

describe('events', () => {
  it('are listed newest first, by type, gravity, certificate and time', async () => {
    const { services } = app
    const emit = async (type: string, severity: 'info' | 'critical', certificateId: string) => {
      services.clock.advance(1)
      await services.store.transaction(
        async (tx) => await emitEvent(tx, { type, severity, title: `${type} of ${certificateId}`, certificateId }),
      )
    }
    await emit('certificate.issued', 'info', 'c1')
    const between = services.clock.now().toISOString()
    await emit('certificate.issued', 'info', 'c2')
    await emit('renewal.failed', 'critical', 'c1')
    const read = async (query: string) => (await app.admin('GET', `/api/v1/events?${query}`)).json.data ?? []
    expect((await read('')).map((event) => event.message).slice(0, 3)).toEqual([
      'renewal.failed of c1',
      'certificate.issued of c2',
      'certificate.issued of c1',
    ])
    expect(await read('type=certificate.issued&certificate_id=c1')).toHaveLength(1)
    expect((await read('severity=critical')).map((event) => event.type)).toEqual(['renewal.failed'])
    expect((await read(`until=${between}`)).some((event) => event.message === 'certificate.issued of c1')).toBe(false)
    expect((await read(`since=${between}&certificate_id=c1`)).map((event) => event.type)).toEqual([
      'renewal.failed',
      'certificate.issued',
    ])
    const first = await app.admin('GET', '/api/v1/events?page_size=1&certificate_id=c1')
    const second = await app.admin(
      'GET',
      `/api/v1/events?page_size=1&certificate_id=c1&cursor=${first.json.next_cursor}`,
    )
    expect([first, second].map(({ json }) => json.data?.[0]?.type)).toEqual(['renewal.failed', 'certificate.issued'])
    expect(second.json.next_cursor).toBeUndefined()
  })
})

describe('the record', () => {
  it('names who did what to which thing, and can be read one by one', async () => {
    const made = await app.admin('POST', '/api/v1/api-keys', { name: 'recorded', role: 'viewer' })
    const { json } = await app.admin('GET', `/api/v1/audit?resource_type=api_key&resource_id=${made.json.id}`)
    expect(json.data).toMatchObject([
      {
        actor: 'the admin',
        actor_type: 'User',
        action: 'api_key.created',
        resource_id: made.json.id,
        details: { name: 'recorded', role: 'viewer' },
      },
    ])
    const [entry] = json.data ?? []
    expect((await app.admin('GET', `/api/v1/audit/${entry?.id}`)).json).toEqual(entry)
    expect((await app.admin('GET', '/api/v1/audit/nothing')).status).toBe(404)
  })

  it('comes in pages that miss nothing and repeat nothing', async () => {
    const all = (await app.admin('GET', '/api/v1/audit?per_page=500')).json.data ?? []
    const ids: unknown[] = []
    for (let next: unknown = '', guard = 0; next !== undefined && guard < 100; guard++) {
      const cursor = next === '' ? '' : `&cursor=${next}`
      const { json } = await app.admin('GET', `/api/v1/audit?page_size=3${cursor}`)
      ids.push(...(json.data ?? []).map((entry) => entry.id))
      next = json.next_cursor
    }
    expect(ids).toEqual(all.map((entry) => entry.id))
  })

  it('verifies, and says that it was verified and exported', async () => {
    const verified = await app.call('POST', '/api/v1/audit/verify', { key: app.keys.auditor })
    expect([verified.status, verified.json.ok]).toEqual([200, true])
    const exported = await app.call('GET', '/api/v1/audit/export', { key: app.keys.auditor })
    expect(exported.headers['content-type']).toBe('application/x-ndjson')
    const lines = exported.text.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).kind)).toContain('batch')
    for (const action of ['audit.verified', 'audit.exported'])
      expect((await app.admin('GET', `/api/v1/audit?action=${action}`)).json.data).toMatchObject([
        { actor: 'the auditor' },
      ])
  })
})

describe('a record whose heads were set back', () => {
  it('is said to be altered, though it takes no entry of that any more', async () => {
    const altered = await createTestApp()
    const database = openDatabase({ address: altered.services.database.address, maxConnections: 1 })
    try {
      await altered.admin('POST', '/api/v1/owners', { name: 'Ann' })
      await sql`update audit_heads set batch = batch - 1 where batch > 0`.execute(database.db)
      const { status, json } = await altered.admin('POST', '/api/v1/audit/verify')
      expect([status, json.ok]).toEqual([200, false])
    } finally {
      await database.close()
      await altered.close()
    }
  })
})

describe('the server', () => {
  it('says its version, how to prove who one is, and how everything stands', async () => {
    expect((await app.call('GET', '/api/v1/version')).json).toMatchObject({ version: '0.0.0-test', modified: false })
    expect((await app.call('GET', '/api/v1/auth/info')).json).toEqual({ auth_type: 'api-key', required: true })
    await app.admin('POST', '/api/v1/health-checks', { id: 'hc-down', endpoint: 'down.example.test' })
    await app.admin('POST', '/api/v1/health-checks', { id: 'hc-off', endpoint: 'off.example.test', enabled: false })
    const database = openDatabase({ address: app.services.database.address, maxConnections: 1 })
    await sql`update health_checks set status = 'down'`.execute(database.db)
    await database.close()
    const { json } = await app.admin('GET', '/api/v1/status')
    expect(json).toMatchObject({ version: '0.0.0-test', endpoints: { total: 1, unhealthy: 1 } })
  })

  it('gives Prometheus what it counted', async () => {
    const began = performance.now()
    await app.call('GET', '/health')
    const tookSeconds = (performance.now() - began) / 1000
    const { status, headers, text } = await app.call('GET', '/api/v1/metrics/prometheus', { key: app.keys.viewer })
    const [, seconds] = /^certctl_http_request_duration_seconds_sum\{[^}]*"\/health"[^}]*\} (\S+)$/m.exec(text) ?? []
    expect(Number(seconds)).toBeGreaterThan(0)
    expect(Number(seconds)).toBeLessThan(tookSeconds)
    expect(status).toBe(200)
    expect(headers['content-type']).toContain('version=0.0.4')
    expect(text).toContain('certctl_http_request_duration_seconds_bucket')
  })

  it('is not ready while it stops, nor while its database does not answer', async () => {
    const stopping = await createTestApp({ settings: { isStopping: () => true } })
    try {
      const { status, json } = await stopping.call('GET', '/ready')
      expect([status, json.status]).toEqual([503, 'stopping'])
      expect((await stopping.call('GET', '/health')).status).toBe(200)
    } finally {
      await stopping.close()
    }
    const { servers } = app.services.store
    const { listAlive } = servers
    servers.listAlive = async () => await Promise.reject(new Error('password hunter2 is wrong'))
    const down = await app.call('GET', '/ready')
    servers.listAlive = listAlive
    expect([down.status, down.json.status]).toEqual([503, 'db_unavailable'])
    expect(down.text).not.toContain('hunter2')
  })
})

describe('a test of a target', () => {
  it('is done by its agent, and answers what it saw', async () => {
    const agent = await app.addAgent('tester')
    const target = await app.admin('POST', '/api/v1/targets', { name: 't', type: 'X', agent_id: agent.id })
    await app.call('POST', `/api/v1/agents/${agent.id}/heartbeat`, { key: agent.key })
    await app.app.flush()
    for (const [outcome, wanted] of [
      [
        { outcome: 'done', detail: 'nginx 1.22 answers' },
        { status: 'success', message: 'nginx 1.22 answers' },
      ],
      [
        { outcome: 'failed', code: 'deploy_failed', message: 'nginx is not installed' },
        { status: 'failed', message: 'nginx is not installed' },
      ],
    ] as const) {
      const asked = app.admin('POST', `/api/v1/targets/${target.json.id}/test`)
      const work = await app.call('GET', `/api/v1/agents/${agent.id}/work?wait=20&lease=60`, { key: agent.key })
      const [job] = work.json.jobs as { id: string; type: string; lease: string }[]
      expect(job).toMatchObject({ type: 'Test' })
      const report = await app.call('POST', `/api/v1/agents/${agent.id}/jobs/${job?.id}/report`, {
        key: agent.key,
        body: { lease: job?.lease, duration_ms: 5, ...outcome },
      })
      expect(report.status).toBe(200)
      expect((await asked).json).toEqual(wanted)
      const shown = await app.admin('GET', `/api/v1/targets/${target.json.id}`)
      expect(shown.json).toMatchObject({ test_status: wanted.status })
      expect(shown.json.last_tested_at).toBeDefined()
    }
    const path = `/api/v1/targets/${target.json.id}`
    const { json } = await app.admin('GET', path)
    expect((await app.admin('PUT', path, { config: json.config })).json).toMatchObject({ test_status: 'failed' })
    const changed = await app.admin('PUT', path, { config: { path: '/other' } })
    expect(changed.json).toMatchObject({ test_status: 'untested' })
    expect(changed.json).not.toHaveProperty('last_tested_at')
  })
})
