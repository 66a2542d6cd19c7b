import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { openDatabase } from '../../src/store/database.js'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
beforeAll(async () => {
  app = await createTestApp({ environment: { CERTCTL_HEALTH_CHECK_ENABLED: 'true' } })
})
afterAll(async () => await app.close())

const add = async (body: object) => await app.admin('POST', '/api/v1/health-checks', body)
const fieldsOf = (json: Record<string, unknown>) =>
  (json.errors as { field: string }[] | undefined)?.map(({ field }) => field)

describe('health checks', () => {
  it('take an endpoint alone and fill in what the server usually does', async () => {
    const { status, json } = await add({ id: 'hc-web', endpoint: 'WWW.example.test' })
    expect(status).toBe(201)
    expect(json).toMatchObject({
      id: 'hc-web',
      endpoint: 'www.example.test:443',
      status: 'unknown',
      check_interval_seconds: 300,
      timeout_ms: 5000,
      degraded_threshold: 2,
      down_threshold: 5,
      enabled: true,
      source: 'api',
      acknowledged: false,
    })
  })

  it('are refused by the name of the field that is wrong', async () => {
    const faults = async (body: object) => {
      const { status, json } = await add(body)
      return [status, fieldsOf(json)]
    }
    expect(await faults({})).toEqual([400, ['endpoint']])
    expect(await faults({ endpoint: 'http://x' })).toEqual([400, ['endpoint']])
    expect(await faults({ endpoint: 'x:443', certificate_id: 'none' })).toEqual([400, ['certificate_id']])
    expect(await faults({ endpoint: 'x:443', degraded_threshold: 6 })).toEqual([400, ['degraded_threshold']])
    expect(await faults({ endpoint: 'x:443', expected_fingerprint: 'zz' })).toEqual([400, ['expected_fingerprint']])
    expect(await faults({ endpoint: 'x:443', server_name: 'no name' })).toEqual([400, ['server_name']])
    expect(await faults({ endpoint: 'x:443', server_name: '*.example.test' })).toEqual([400, ['server_name']])
    expect(await faults({ endpoint: 'x:443', id: 'summary' })).toEqual([400, ['id']])
    expect((await add({ endpoint: 'x:443', id: 'hc-web' })).status).toBe(409)
  })

  it('are changed field by field; null clears; an omitted flag stays as it is', async () => {
    await add({ id: 'hc-put', endpoint: 'put.example.test', server_name: 'sni.example.test', enabled: false })
    const { json } = await app.admin('PUT', '/api/v1/health-checks/hc-put', { check_interval_seconds: 60 })
    expect(json).toMatchObject({ check_interval_seconds: 60, server_name: 'sni.example.test', enabled: false })
    const cleared = await app.admin('PUT', '/api/v1/health-checks/hc-put', { server_name: null })
    expect(cleared.json.server_name).toBeUndefined()
    const read = await app.admin('GET', '/api/v1/health-checks/hc-put')
    const back = await app.admin('PUT', '/api/v1/health-checks/hc-put', read.json)
    expect([back.status, back.json.enabled]).toEqual([200, false])
  })

  it('take names in any script as certificates carry them, and addresses', async () => {
    const { json } = await add({ id: 'hc-idn', endpoint: 'idn.example.test', server_name: 'Bücher.example' })
    expect(json.server_name).toBe('xn--bcher-kva.example')
    const put = async (server_name: string) =>
      (await app.admin('PUT', '/api/v1/health-checks/hc-idn', { server_name })).json.server_name
    expect(await put('ÄHNLICH.example.')).toBe('xn--hnlich-9ta.example')
    expect(await put('2001:db8::1')).toBe('2001:db8::1')
    await app.admin('DELETE', '/api/v1/health-checks/hc-idn')
  })

  it('that look elsewhere say nothing of what was seen before, nor who was at that', async () => {
    await add({ id: 'hc-moved', endpoint: 'old.example.test' })
    const database = openDatabase({ address: app.services.database.address, maxConnections: 1 })
    await sql`update health_checks set cert_subject = 'CN=old', cert_expiry = now(), tls_version = 'TLSv1.3',
      observed_fingerprint = 'ab', last_success_at = now(), acknowledged_by = 'Ann', acknowledged_at = now()
      where id = 'hc-moved'`.execute(database.db)
    await database.close()
    const fresh = (await add({ id: 'hc-fresh', endpoint: 'new.example.test' })).json
    const same = await app.admin('PUT', '/api/v1/health-checks/hc-moved', { timeout_ms: 5000 })
    expect(same.json).toMatchObject({ cert_subject: 'CN=old', acknowledged_by: 'Ann' })
    const { json } = await app.admin('PUT', '/api/v1/health-checks/hc-moved', { endpoint: 'new.example.test' })
    const own = { id: 'hc-moved', created_at: json.created_at, updated_at: json.updated_at }
    expect(json).toEqual({ ...fresh, ...own })
    for (const id of ['hc-moved', 'hc-fresh']) await app.admin('DELETE', `/api/v1/health-checks/${id}`)
  })

  it('honour If-Match', async () => {
    const { headers } = await app.admin('GET', '/api/v1/health-checks/hc-put')
    const put = async (match: string | undefined, timeout: number) =>
      await app.call('PUT', '/api/v1/health-checks/hc-put', {
        key: app.keys.admin,
        body: { timeout_ms: timeout },
        headers: { 'if-match': match ?? '' },
      })
    expect((await put(headers.etag, 900)).status).toBe(200)
    expect((await put(headers.etag, 901)).status).toBe(412)
  })

  it('are listed by state, certificate and flag, and counted', async () => {
    const ids = async (query: string) =>
      (await app.admin('GET', `/api/v1/health-checks?${query}`)).json.data?.map(({ id }) => id)
    expect(await ids('enabled=false')).toEqual(['hc-put'])
    expect((await ids('status=unknown'))?.toSorted()).toEqual(['hc-put', 'hc-web'])
    expect(await ids('status=down')).toEqual([])
    expect(await ids('certificate_id=none')).toEqual([])
    const { json } = await app.admin('GET', '/api/v1/health-checks/summary')
    expect(json).toEqual({ healthy: 0, degraded: 0, down: 0, cert_mismatch: 0, unknown: 2, total: 2 })
  })

  it('remember who is at it', async () => {
    const path = '/api/v1/health-checks/hc-web/acknowledge'
    expect((await app.admin('POST', path)).json).toMatchObject({ acknowledged: true, acknowledged_by: 'the admin' })
    const named = await app.admin('POST', path, { acknowledged_by: 'night shift' })
    expect(named.json).toMatchObject({ acknowledged_by: 'night shift' })
  })

  it('have a history, bounded by limit', async () => {
    const path = '/api/v1/health-checks/hc-web/history'
    expect((await app.admin('GET', path)).json).toEqual({ data: [], total: 0 })
    expect((await app.admin('GET', `${path}?limit=1001`)).status).toBe(400)
    expect((await app.admin('GET', '/api/v1/health-checks/none/history')).status).toBe(404)
  })

  it('end when they are deleted', async () => {
    expect((await app.admin('DELETE', '/api/v1/health-checks/hc-put')).status).toBe(204)
    expect((await app.admin('GET', '/api/v1/health-checks/hc-put')).status).toBe(404)
    expect((await app.admin('DELETE', '/api/v1/health-checks/hc-put')).status).toBe(404)
  })
})
