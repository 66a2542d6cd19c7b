import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { lookForSealingKey } from '../../src/access/follow-sealing-key.js'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
beforeAll(async () => {
  app = await createTestApp()
})
afterAll(async () => await app.close())

describe('the edge', () => {
  it('answers health and readiness without a key', async () => {
    expect((await app.call('GET', '/health')).json).toEqual({ status: 'healthy' })
    expect((await app.call('GET', '/health', { key: 'cck_of_nobody' })).json).toEqual({ status: 'healthy' })
    expect((await app.call('GET', '/ready')).json).toEqual({ status: 'ready', db: 'reachable' })
  })

  it('is not ready while another encryption key seals that it was not given, nor does anything under a key of a caller', async () => {
    const { store, clock } = app.services
    const [ours] = await store.sealingKeys.list()
    if (ours === undefined) throw new Error('no key')
    const since = new Date(clock.now().getTime() + 1)
    await store.sealingKeys.insert({ ...ours, id: 'ab'.repeat(8), sealing_since: since })
    await lookForSealingKey(app.services)
    const ready = await app.call('GET', '/ready')
    expect([ready.status, ready.json.status]).toEqual([503, 'encryption_key'])
    expect(ready.json.error).toContain('Restart it with that one in CERTCTL_CONFIG_ENCRYPTION_KEY')
    expect(ready.text).not.toContain('abab')
    const headers = { 'idempotency-key': 'refused-1' }
    const make = async () =>
      await app.call('POST', '/api/v1/teams', { key: app.keys.admin, body: { name: 'Refused' }, headers })
    expect((await make()).status).toBe(503)
    // What is kept nowhere needs no key that all copies have.
    expect((await app.admin('GET', '/api/v1/api-keys?page_size=1')).json.next_cursor).toEqual(expect.any(String))
    await store.sealingKeys.remove('ab'.repeat(8))
    // Asked anew by whoever needs it.
    expect((await make()).status).toBe(201)
    expect((await app.call('GET', '/ready')).status).toBe(200)
  })

  it('sends the security headers and a request id of its own with every answer, refusals included', async () => {
    for (const path of ['/health', '/api/v1/version', '/api/v1/issuers', '/nowhere']) {
      const { headers } = await app.call('GET', path, { headers: { 'x-request-id': 'mine' } })
      expect(headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains')
      expect(headers['x-frame-options']).toBe('DENY')
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(headers['content-security-policy']).toContain("default-src 'self'")
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    }
  })

  it('refuses callers without a key in the words older clients know, as a problem document', async () => {
    const missing = await app.call('GET', '/api/v1/issuers')
    expect(missing.status).toBe(401)
    expect(missing.headers['www-authenticate']).toBe('Bearer realm="certctl"')
    expect(missing.headers['content-type']).toBe('application/problem+json')
    expect(missing.json).toMatchObject({
      type: 'urn:certctl:problem:unauthenticated',
      status: 401,
      code: 'unauthenticated',
      error: 'Authorization header required',
      message: 'Authorization header required',
    })
    expect(missing.json.request_id).toBe(missing.headers['x-request-id'])
    const odd = await app.call('GET', '/api/v1/issuers', { headers: { authorization: 'Basic YTpi' } })
    expect(odd.json.error).toBe('Invalid Authorization header format, expected: Bearer <token>')
    const wrong = await app.call('GET', '/api/v1/issuers', { key: 'cck_wrong' })
    expect(wrong.json.error).toBe('Invalid API key')
  })

  it('says in the record that a login was refused, once a minute per address', async () => {
    for (let n = 0; n < 3; n++) await app.call('GET', '/api/v1/issuers', { key: 'cck_guess' })
    const { json } = await app.admin('GET', '/api/v1/audit?action=auth.refused')
    expect(json.total).toBe(1)
    expect(JSON.stringify(json)).not.toContain('cck_guess')
  })

  it('says 404 for unknown paths and 405 with what is allowed for unknown methods', async () => {
    const unknown = await app.admin('GET', '/api/v1/nothing')
    expect([unknown.status, unknown.json.code]).toEqual([404, 'not_found'])
    const method = await app.admin('DELETE', '/api/v1/issuers')
    expect([method.status, method.json.code, method.headers.allow]).toEqual([405, 'method_not_allowed', 'GET, POST'])
    const patch = await app.call('PATCH', '/api/v1/issuers/x', { key: app.keys.admin })
    expect(patch.status).toBe(405)
    expect((await app.admin('POST', '/health')).status).toBe(405)
  })

  it('refuses a body that is too large, of another type, encoded, or not JSON, each with its own status', async () => {
    const post = async (options: Parameters<TestApp['call']>[2]) =>
      await app.call('POST', '/api/v1/notifiers', { key: app.keys.admin, ...options })
    const large = await post({ raw: `{"name":"${'a'.repeat(1_100_000)}"}` })
    expect([large.status, large.json.code]).toEqual([413, 'too_large'])
    const form = await post({ raw: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    expect([form.status, form.json.code]).toEqual([415, 'media_type_unsupported'])
    const zipped = await post({ raw: '{}', headers: { 'content-encoding': 'gzip' } })
    expect(zipped.status).toBe(415)
    const broken = await post({ raw: '{"password":"hunter2' })
    expect([broken.status, broken.json.code]).toEqual([400, 'request_malformed'])
    expect(broken.text).not.toContain('hunter2')
    const latin = await post({ raw: Buffer.from([0x22, 0xff, 0x22]) })
    expect(latin.status).toBe(400)
  })

  it('counts the bytes of a body whose length nobody declared', async () => {
    const raw = `{"name":"${'a'.repeat(1_100_000)}"}`
    const answer = await app.call('POST', '/api/v1/notifiers', { key: app.keys.admin, raw, chunked: true })
    expect(answer.status).toBe(413)
  })

  it('asks who it is before it looks at a body', async () => {
    const answer = await app.call('POST', '/api/v1/notifiers', { raw: '{broken' })
    expect(answer.status).toBe(401)
  })

  it('refuses fields it does not know, naming them', async () => {
    const { status, json } = await app.admin('POST', '/api/v1/api-keys', { name: 'x', role: 'viewer', rolle: 'admin' })
    expect(status).toBe(400)
    expect(json.errors).toEqual([{ field: 'rolle', message: 'is not a known field' }])
  })

  it('refuses ids with slashes, dots that climb, and what is not an id at all', async () => {
    for (const id of ['..', '%2e%2e', 'a%2Fb', '%00', 'x'.repeat(65), '%E0%A4%A']) {
      const { status } = await app.admin('GET', `/api/v1/issuers/${id}`)
      expect([400, 404]).toContain(status)
    }
  })

  it('refuses query parameters it does not know, and pages out of bounds naming the bounds', async () => {
    expect((await app.admin('GET', '/api/v1/issuers?nonsense=1')).status).toBe(400)
    const large = await app.admin('GET', '/api/v1/issuers?per_page=501')
    expect(large.status).toBe(400)
    expect(large.json.detail).toContain('500')
    expect((await app.admin('GET', '/api/v1/issuers?page=300&per_page=50')).json.detail).toContain('cursor')
    expect((await app.admin('GET', '/api/v1/issuers?page=1&page=2')).status).toBe(400)
  })

  it('shows its interface as OpenAPI and for people, without a key and without anything from elsewhere', async () => {
    const { json } = await app.call('GET', '/openapi.json')
    expect(json.openapi).toBe('3.1.0')
    const docs = await app.call('GET', '/docs')
    expect(docs.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(docs.text).toContain('/api/v1/certificates/{id}')
    expect(docs.text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    expect(docs.text).not.toContain('<script')
  })

  it('answers HEAD like GET without a body, and OPTIONS with 204', async () => {
    const head = await app.call('HEAD', '/api/v1/version')
    expect([head.status, head.text]).toEqual([200, ''])
    const options = await app.call('OPTIONS', '/api/v1/issuers', { headers: { origin: 'https://evil.test' } })
    expect(options.status).toBe(204)
    expect(options.headers['access-control-allow-origin']).toBeUndefined()
  })

  it('logs each request with its id and without key, query or body', async () => {
    const { headers } = await app.call('GET', '/api/v1/issuers?type=secretish', { key: app.keys.viewer })
    const line = app.services.logged.find((entry) => entry.request_id === headers['x-request-id'])
    expect(line).toMatchObject({ method: 'GET', path: '/api/v1/issuers', status: 200, msg: 'request' })
    expect(JSON.stringify(app.services.logged)).not.toContain(app.keys.viewer)
    expect(JSON.stringify(line)).not.toContain('secretish')
  })

  it('hides what it did not foresee behind the request id, and logs it', async () => {
    const { connections } = app.services.store
    const page = connections.page
    connections.page = async () => {
      throw new Error('a column called hunter2 is missing')
    }
    try {
      const { status, json, text } = await app.admin('GET', '/api/v1/issuers')
      expect([status, json.code]).toEqual([500, 'internal'])
      expect(text).not.toContain('hunter2')
      const line = app.services.logged.find(
        (entry) => entry.request_id === json.request_id && entry.msg === 'a request failed inside the server',
      )
      expect(JSON.stringify(line)).toContain('hunter2')
    } finally {
      connections.page = page
    }
  })

  it('tags one thing that is read, and answers 304 to who has it', async () => {
    const { json } = await app.admin('POST', '/api/v1/api-keys', { name: 'tagged', role: 'viewer' })
    const path = `/api/v1/api-keys/${json.id}`
    const first = await app.admin('GET', path)
    expect(first.headers.etag).toMatch(/^"[\w-]{27}"$/)
    const again = await app.call('GET', path, {
      key: app.keys.admin,
      headers: { 'if-none-match': first.headers.etag ?? '' },
    })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  it('counts what was asked by route, not by path', async () => {
    await app.admin('GET', '/api/v1/issuers/nobody-1')
    const text = await app.services.metrics.text()
    expect(text).toContain('route="/api/v1/issuers/{id}"')
    expect(text).not.toContain('nobody-1')
  })
})

describe('answers given once', () => {
  it('repeat for the same key and body, without doing it again', async () => {
    const call = async (body: unknown) =>
      await app.call('POST', '/api/v1/api-keys', {
        key: app.keys.admin,
        body,
        headers: { 'idempotency-key': 'once-1' },
      })
    const first = await call({ name: 'once', role: 'viewer' })
    const second = await call({ role: 'viewer', name: 'once' })
    expect(first.status).toBe(201)
    expect([second.status, second.json]).toEqual([201, first.json])
    const other = await call({ name: 'another', role: 'viewer' })
    expect([other.status, other.json.code]).toEqual([409, 'conflict'])
  })

  it("are each caller's own", async () => {
    const headers = { 'idempotency-key': 'shared' }
    const one = await app.call('POST', '/api/v1/join-tokens', { key: app.keys.admin, body: {}, headers })
    const two = await app.call('POST', '/api/v1/join-tokens', { key: app.keys.operator, body: {}, headers })
    expect(one.json.id).not.toBe(two.json.id)
  })

  it('are not kept when nothing happened', async () => {
    const headers = { 'idempotency-key': 'failed-1' }
    const body = { name: 'the admin', role: 'viewer' }
    expect((await app.call('POST', '/api/v1/api-keys', { key: app.keys.admin, body, headers })).status).toBe(409)
    const better = await app.call('POST', '/api/v1/api-keys', {
      key: app.keys.admin,
      body: { name: 'better', role: 'viewer' },
      headers,
    })
    expect(better.status).toBe(201)
  })

  it('end after a day', async () => {
    const headers = { 'idempotency-key': 'day' }
    const ask = async (name: string) =>
      await app.call('POST', '/api/v1/api-keys', { key: app.keys.admin, body: { name, role: 'viewer' }, headers })
    await ask('today')
    app.services.clock.advance(86_401)
    expect((await ask('tomorrow')).status).toBe(201)
  })
})

/** So few a second that nothing is given back while a test runs, however long it takes. */
const hardlyAny = 0.001

describe('limits', () => {
  it('count a principal by itself and strangers by address, after asking who it is', async () => {
    const rateLimit = { enabled: true, rate: hardlyAny, burst: 5, principalRate: hardlyAny, principalBurst: 5 }
    const limited = await createTestApp({ settings: { rateLimit } })
    try {
      const ask = async (key: string) => (await limited.call('GET', '/api/v1/issuers', { key })).status
      const viewer = await Promise.all(Array.from({ length: 20 }, async () => await ask(limited.keys.viewer)))
      expect(viewer).toContain(429)
      expect(await ask(limited.keys.admin)).toBe(200)
      const guesses = await Promise.all(Array.from({ length: 20 }, async () => await ask('cck_guess')))
      expect(guesses).toContain(429)
      expect(await ask(limited.keys.operator)).toBe(200)
      const refused = await limited.call('GET', '/api/v1/issuers', { key: 'cck_guess' })
      expect(refused.json).toMatchObject({ error: 'Rate limit exceeded', code: 'rate_limited' })
      expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
      // The address has used up what strangers there have, whether they show a key or need none.
      const probes = await Promise.all(Array.from({ length: 20 }, async () => await limited.call('GET', '/health')))
      expect(probes.map(({ status }) => status)).toContain(429)
    } finally {
      await limited.close()
    }
  })

  it('end the look-ups for an address that failed too often, retired agents included, but not for who is known there', async () => {
    const rateLimit = { enabled: true, rate: hardlyAny, burst: 2, principalRate: 100, principalBurst: 100 }
    const limited = await createTestApp({ settings: { rateLimit, trustedProxies: ['127.0.0.1'] } })
    try {
      const agent = await limited.addAgent('leaver')
      expect((await limited.admin('DELETE', `/api/v1/agents/${agent.id}`)).status).toBeLessThan(300)
      const { apiKeys, agents } = limited.services.store
      const counted = { looks: 0 }
      const [findKey, findAgent] = [apiKeys.findByHash, agents.findByKeyHash]
      apiKeys.findByHash = async (hash) => {
        counted.looks += 1
        return await findKey(hash)
      }
      agents.findByKeyHash = async (hash) => {
        counted.looks += 1
        return await findAgent(hash)
      }
      const ask = async (key: string, from = '203.0.113.7') =>
        await limited.call('GET', '/api/v1/issuers', { key, headers: { 'x-forwarded-for': from } })
      expect((await ask(limited.keys.viewer)).status).toBe(200)
      expect((await ask(agent.key)).status).toBe(410)
      for (let n = 0; n < 19; n++) await ask(n % 2 === 0 ? agent.key : `cck_guess_${n}`)
      counted.looks = 0
      for (const key of ['cck_guess_more', agent.key, limited.keys.operator]) {
        const refused = await ask(key)
        expect([refused.status, refused.json.code]).toEqual([429, 'rate_limited'])
        expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
      }
      expect(counted.looks).toBe(0)
      expect((await ask(limited.keys.viewer)).status).toBe(200)
      limited.services.clock.advance(11)
      expect((await ask(limited.keys.viewer)).status).toBe(200)
      expect((await ask(limited.keys.operator, '203.0.113.8')).status).toBe(200)
    } finally {
      await limited.close()
    }
  })

  it('believe a forwarded address only from a trusted proxy', async () => {
    const proxied = await createTestApp({ settings: { trustedProxies: ['127.0.0.1'] } })
    try {
      await proxied.call('GET', '/api/v1/nothing', { headers: { 'x-forwarded-for': '203.0.113.7, 127.0.0.1' } })
      expect(proxied.services.logged.at(-1)).toMatchObject({ address: '203.0.113.7' })
    } finally {
      await proxied.close()
    }
    await app.call('GET', '/api/v1/nothing', { headers: { 'x-forwarded-for': '203.0.113.7' } })
    expect(app.services.logged.at(-1)).toMatchObject({ address: '127.0.0.1' })
  })

  it('let browsers call only from listed origins', async () => {
    const open = await createTestApp({ settings: { corsOrigins: ['https://dash.test'] } })
    try {
      const from = async (origin: string) =>
        (await open.call('GET', '/api/v1/version', { headers: { origin } })).headers['access-control-allow-origin']
      expect(await from('https://dash.test')).toBe('https://dash.test')
      expect(await from('https://evil.test')).toBeUndefined()
    } finally {
      await open.close()
    }
  })
})
