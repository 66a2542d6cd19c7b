import { createRegistry, defineIssuer, defineNotifier, secret, z } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let fails: Error | undefined
const opened: string[] = []
const closed: string[] = []

const issuer = defineIssuer({
  type: 'FakeCA',
  aliases: ['fake'],
  displayName: 'A CA for tests',
  configSchema: z.strictObject({
    url: z.string().describe('Where it is.'),
    token: secret().describe('Credential.'),
    note: z.string().optional().describe('Anything.'),
  }),
  capabilities: { operations: ['test'], names: ['dns'], honours: [], revocationReasons: [], metered: false },
  create: (config) => {
    opened.push(config.token.reveal())
    return {
      issue: async () => ({ status: 'invalid' as const, orderId: 'x', reason: 'a fake' }),
      async test() {
        if (fails !== undefined) throw fails
        return { detail: `reached ${config.url}` }
      },
      close: async () => void closed.push(config.token.reveal()),
    }
  },
})
const notifier = defineNotifier({
  type: 'FakeChannel',
  displayName: 'A channel for tests',
  configSchema: z.strictObject({ url: secret().describe('Where it is.') }),
  capabilities: { deduplicates: false, resolves: false, recipients: 'fixed' },
  create: () => ({ send: async () => ({}) }),
})

beforeAll(async () => {
  const registry = createRegistry()
  registry.add({ kind: 'issuer', definition: issuer, package: 'fake-ca', version: '1.0.0' })
  registry.add({ kind: 'notifier', definition: notifier, package: 'fake-channel', version: '1.0.0' })
  app = await createTestApp({ registry })
})
afterAll(async () => await app.close())

const body = { id: 'iss-one', name: 'One', type: 'fake-ca', config: { url: 'https://ca.test', token: 'canary-token' } }

describe('issuers', () => {
  it('are made by any of their names, and shown with secrets masked', async () => {
    const { status, json, text } = await app.admin('POST', '/api/v1/issuers', body)
    expect(status).toBe(201)
    expect(json).toMatchObject({
      id: 'iss-one',
      type: 'FakeCA',
      config: { url: 'https://ca.test', token: '********' },
      enabled: true,
      available: true,
      test_status: 'untested',
      source: 'api',
    })
    expect(text).not.toContain('canary')
    expect((await app.admin('GET', '/api/v1/issuers/iss-one')).json).toEqual(json)
    expect((await app.admin('GET', '/api/v1/issuers')).json).toMatchObject({ data: [json], total: 1, page: 1 })
  })

  it('are refused twice under one id, and under one name', async () => {
    const sameId = await app.admin('POST', '/api/v1/issuers', { ...body, name: 'Other' })
    expect([sameId.status, sameId.json.code]).toEqual([409, 'conflict'])
    const sameName = await app.admin('POST', '/api/v1/issuers', { ...body, id: 'iss-two', name: 'ONE' })
    expect([sameName.status, sameName.json.code]).toEqual([409, 'conflict'])
  })

  it('of a type that is not installed are refused naming the field and what there is', async () => {
    const { status, json } = await app.admin('POST', '/api/v1/issuers', { ...body, id: 'x', name: 'x', type: 'Nope' })
    expect(status).toBe(400)
    expect(json.errors).toEqual([{ field: 'type', message: expect.stringContaining('FakeCA') }])
  })

  it('are refused with every faulty field of their configuration', async () => {
    const { status, json, text } = await app.admin('POST', '/api/v1/issuers', {
      ...body,
      id: 'x',
      name: 'x',
      config: { token: '', tokn: 'canary' },
    })
    expect(status).toBe(400)
    expect((json.errors as { field: string }[]).map(({ field }) => field).sort()).toEqual([
      'config.token',
      'config.tokn',
      'config.url',
    ])
    expect(text).not.toContain('"canary')
  })

  it('keep what a change does not name, and what it sends back masked', async () => {
    const changed = await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { note: 'hello', token: '********' } })
    expect(changed.json).toMatchObject({
      enabled: true,
      name: 'One',
      config: { url: 'https://ca.test', note: 'hello' },
    })
    const cleared = await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { note: null } })
    expect(cleared.json.config).toEqual({ url: 'https://ca.test', token: '********' })
    opened.length = 0
    await app.admin('POST', '/api/v1/issuers/iss-one/test')
    expect(opened).toEqual(['canary-token'])
  })

  it('take back what a GET answered, read-only fields and all', async () => {
    const { json } = await app.admin('GET', '/api/v1/issuers/iss-one')
    expect((await app.admin('PUT', '/api/v1/issuers/iss-one', json)).status).toBe(200)
  })

  it('are changed only where nobody was faster, when the change says what it saw', async () => {
    const { headers } = await app.admin('GET', '/api/v1/issuers/iss-one')
    const put = async (tag: string, note: string) =>
      await app.call('PUT', '/api/v1/issuers/iss-one', {
        key: app.keys.admin,
        body: { config: { note } },
        headers: { 'if-match': tag },
      })
    app.services.clock.advance(1)
    expect((await put(headers.etag ?? '', 'first')).status).toBe(200)
    const late = await put(headers.etag ?? '', 'second')
    expect([late.status, late.json.code]).toEqual([412, 'precondition_failed'])
    expect((await app.admin('GET', '/api/v1/issuers/iss-one')).json.config).toMatchObject({ note: 'first' })
    expect((await put('*', 'third')).status).toBe(200)
  })

  it('cannot change their type', async () => {
    const { status, json } = await app.admin('PUT', '/api/v1/issuers/iss-one', { type: 'Other' })
    expect([status, json.errors]).toEqual([400, [expect.objectContaining({ field: 'type' })]])
  })

  it('are tested with what they say: 200 with the detail, 422 with the cause', async () => {
    const good = await app.admin('POST', '/api/v1/issuers/iss-one/test')
    expect([good.status, good.json]).toEqual([
      200,
      { status: 'connection_successful', detail: 'reached https://ca.test' },
    ])
    fails = new Error('the name does not resolve')
    const bad = await app.admin('POST', '/api/v1/issuers/iss-one/test')
    fails = undefined
    expect([bad.status, bad.json.code]).toEqual([422, 'connection_failed'])
    expect(bad.json.detail).toContain('the name does not resolve')
    expect((await app.admin('GET', '/api/v1/issuers/iss-one')).json).toMatchObject({ test_status: 'failed' })
  })

  it('are untested with new settings, whatever was found with the old ones', async () => {
    await app.admin('POST', '/api/v1/issuers/iss-one/test')
    const { json } = await app.admin('GET', '/api/v1/issuers/iss-one')
    const renamed = await app.admin('PUT', '/api/v1/issuers/iss-one', json)
    expect(renamed.json).toMatchObject({ test_status: 'success', last_tested_at: expect.any(String) })
    const changed = await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { note: 'other' } })
    expect(changed.json).toMatchObject({ test_status: 'untested' })
    expect(changed.json).not.toHaveProperty('last_tested_at')
    await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { note: null } })
  })

  it('are used with their new configuration at once', async () => {
    const { connections } = app.services
    const before = await connections.issuer('iss-one')
    expect((await connections.issuer('iss-one')).connector).toBe(before.connector)
    await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { token: 'canary-next' } })
    expect((await connections.issuer('iss-one')).connector).not.toBe(before.connector)
    expect(opened.at(-1)).toBe('canary-next')
  })

  it('whose connector is missing are shown as unavailable, and not dropped', async () => {
    await app.services.store.connections.insert({
      id: 'iss-lost',
      kind: 'issuer',
      type: 'LostCA',
      name: 'Lost',
      config: '{}',
      secrets: null,
      source: 'api',
      created_at: app.services.clock.now(),
      updated_at: app.services.clock.now(),
    })
    const { json } = await app.admin('GET', '/api/v1/issuers/iss-lost')
    expect(json).toMatchObject({ available: false, unavailable_reason: expect.stringContaining('LostCA') })
    const test = await app.admin('POST', '/api/v1/issuers/iss-lost/test')
    expect(test.status).toBe(422)
    expect((await app.admin('DELETE', '/api/v1/issuers/iss-lost')).status).toBe(204)
  })

  it('that certificates use are not deleted, and say which', async () => {
    const { store, clock } = app.services
    await store.certificates.insert({
      id: 'cert-1',
      name: 'shop',
      common_name: 'shop.test',
      names: '[]',
      subject: '[]',
      issuer_id: 'iss-one',
      tags: '{}',
      created_at: clock.now(),
      updated_at: clock.now(),
    })
    const { status, json } = await app.admin('DELETE', '/api/v1/issuers/iss-one')
    expect([status, json.code]).toEqual([409, 'conflict'])
    expect(json.errors).toEqual([{ field: 'certificates', message: 'cert-1' }])
  })

  it('that came from the environment are changed there', async () => {
    const { store } = app.services
    await app.admin('POST', '/api/v1/issuers', { ...body, id: 'iss-env', name: 'Env' })
    await store.connections.update('iss-env', { source: 'env' })
    for (const [method, change] of [
      ['PUT', { name: 'x' }],
      ['DELETE', undefined],
    ] as const) {
      const { status, json } = await app.admin(method, '/api/v1/issuers/iss-env', change)
      expect([status, json.code]).toEqual([409, 'conflict'])
      expect(json.detail).toContain('environment')
    }
  })

  it('are in the record with what was done, and without a value', async () => {
    const { json, text } = await app.admin('GET', '/api/v1/audit?resource_type=issuer&per_page=100')
    const actions = new Set((json.data ?? []).map((entry) => entry.action))
    expect([...actions].sort()).toEqual(['issuer.created', 'issuer.deleted', 'issuer.tested', 'issuer.updated'])
    expect(text).not.toContain('canary')
  })

  it('come in pages that are the same by offset and by cursor', async () => {
    for (let n = 0; n < 5; n++) {
      app.services.clock.advance(1)
      await app.admin('POST', '/api/v1/issuers', { ...body, id: `iss-p${n}`, name: `page ${n}` })
    }
    const all = (await app.admin('GET', '/api/v1/issuers?per_page=100')).json.data ?? []
    const ids: unknown[] = []
    let next: unknown = ''
    for (let guard = 0; next !== undefined && guard < 20; guard++) {
      const cursor = next === '' ? '' : `&cursor=${next}`
      const { json } = await app.admin('GET', `/api/v1/issuers?page_size=2&count=true${cursor}`)
      expect(json).toMatchObject({ page_size: 2, total: all.length })
      ids.push(...(json.data ?? []).map((entry) => entry.id))
      next = json.next_cursor
    }
    expect(ids).toEqual(all.map((entry) => entry.id))
    const second = await app.admin('GET', '/api/v1/issuers?page=2&per_page=2')
    expect(second.json.data).toEqual(all.slice(2, 4))
    expect((await app.admin('GET', '/api/v1/issuers?page=99')).json.data).toEqual([])
  })

  it('refuse a cursor that was tampered with, or of another list', async () => {
    const { json } = await app.admin('GET', '/api/v1/issuers?page_size=2')
    const cursor = String(json.next_cursor)
    const flipped = (cursor.startsWith('A') ? 'B' : 'A') + cursor.slice(1)
    for (const path of [`/api/v1/issuers?cursor=${flipped}`, `/api/v1/notifiers?cursor=${cursor}`]) {
      const answer = await app.admin('GET', path)
      expect([answer.status, answer.json.code]).toEqual([400, 'request_malformed'])
    }
  })
})

describe('notifiers', () => {
  it('are made, changed, tested and deleted, with a URL that is a secret', async () => {
    const made = await app.admin('POST', '/api/v1/notifiers', {
      name: 'Team',
      type: 'FakeChannel',
      config: { url: 'https://hooks.test/canary' },
    })
    expect([made.status, made.json.config]).toEqual([201, { url: '********' }])
    const path = `/api/v1/notifiers/${made.json.id}`
    expect((await app.admin('PUT', path, { enabled: false })).json).toMatchObject({ enabled: false, name: 'Team' })
    expect((await app.admin('POST', `${path}/test`)).status).toBe(200)
    expect((await app.admin('DELETE', path)).status).toBe(204)
    expect((await app.admin('GET', path)).status).toBe(404)
  })

  it('are no issuers', async () => {
    expect((await app.admin('GET', '/api/v1/notifiers/iss-one')).status).toBe(404)
  })
})

describe('connector types', () => {
  it('are those of the server and those that agents report', async () => {
    const agent = await app.addAgent('types')
    const connector = {
      kind: 'target',
      type: 'NGINX',
      schema: { type: 'object' },
      capabilities: { holds: 'one' },
      package: '@certctl/target-nginx',
      version: '0.1.0',
    }
    const put = await app.call('PUT', `/api/v1/agents/${agent.id}/connectors`, {
      key: agent.key,
      body: { connectors: [connector] },
    })
    expect(put.status).toBe(204)
    const { json } = await app.admin('GET', '/api/v1/connector-types')
    expect(json.data?.map(({ kind, type, where }) => ({ kind, type, where }))).toEqual([
      { kind: 'issuer', type: 'FakeCA', where: ['server'] },
      { kind: 'notifier', type: 'FakeChannel', where: ['server'] },
      { kind: 'target', type: 'NGINX', where: [agent.id] },
    ])
    expect((await app.admin('GET', '/api/v1/connector-types?kind=target')).json.total).toBe(1)
  })
})
