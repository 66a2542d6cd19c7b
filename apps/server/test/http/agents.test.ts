import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { decodeJoinToken } from '../../src/access/join-token.js'
import { createTestApp, type TestApp, testCaPin } from './test-app.js'

let app: TestApp
beforeAll(async () => {
  app = await createTestApp()
})
afterAll(async () => await app.close())

const described = { hostname: 'web1.test', os: 'linux', architecture: 'x64', version: '1.0.0' }

async function newToken(body: object = {}): Promise<string> {
  const { json } = await app.call('POST', '/api/v1/join-tokens', { key: app.keys.operator, body })
  return String(json.token)
}

async function join(token: string, name: string) {
  return await app.call('POST', '/api/v1/agents/join', { body: { token, name, ...described } })
}

describe('join tokens', () => {
  it("carry the server's address and the pin of its CA, and are shown once", async () => {
    const { status, json } = await app.call('POST', '/api/v1/join-tokens', { key: app.keys.operator, body: {} })
    expect(status).toBe(201)
    expect(json.token).toMatch(/^ccj_[\w-]+$/)
    expect(decodeJoinToken(String(json.token))).toMatchObject({
      serverUrl: 'https://certctl.test:8443',
      caSpkiSha256: testCaPin,
    })
    const list = await app.admin('GET', '/api/v1/join-tokens')
    expect(list.text).not.toContain(String(json.token))
  })

  it('come with the command to type, which says the name that they are for', async () => {
    const commandFor = async (body: object) => {
      const { json } = await app.call('POST', '/api/v1/join-tokens', { key: app.keys.operator, body })
      return String(json.command).replace(String(json.token), 'TOKEN')
    }
    expect(await commandFor({})).toBe('certctl-agent join TOKEN')
    expect(await commandFor({ agent_name: 'web-2.test' })).toBe('certctl-agent join TOKEN --name web-2.test')
    expect(await commandFor({ agent_name: "$(id) & Ada's" })).toBe(
      "certctl-agent join TOKEN --name '$(id) & Ada'\\''s'",
    )
    expect(await commandFor({ agent_name: '-x' })).toBe("certctl-agent join TOKEN --name '-x'")
  })

  it('let one agent join, with a key of its own', async () => {
    const token = await newToken()
    const joined = await join(token, 'web1')
    expect(joined.status).toBe(201)
    const { agent, api_key: key } = joined.json as { agent: { id: string }; api_key: string }
    expect(agent).toMatchObject({ name: 'web1', hostname: 'web1.test', status: 'Offline' })
    expect(key).toMatch(/^cca_/)
    const check = await app.call('GET', '/api/v1/auth/check', { key })
    expect(check.json).toMatchObject({ status: 'authenticated', role: 'agent', admin: false, agent_id: agent.id })
  })

  it('work until the key they gave was used: a lost answer can be asked for again', async () => {
    const token = await newToken()
    const first = (await join(token, 'lost')).json as { agent: { id: string }; api_key: string }
    const second = (await join(token, 'lost')).json as { agent: { id: string }; api_key: string }
    expect(second.agent.id).toBe(first.agent.id)
    expect((await app.call('GET', '/api/v1/auth/check', { key: first.api_key })).status).toBe(401)
    expect((await app.call('GET', '/api/v1/auth/check', { key: second.api_key })).status).toBe(200)
    const third = await join(token, 'lost')
    expect([third.status, third.json.detail]).toEqual([401, expect.stringContaining('was used')])
  })

  it('that expired, that are unknown, or that are for another name are refused', async () => {
    const bound = await newToken({ agent_name: 'db1' })
    const stranger = await join(bound, 'web9')
    expect([stranger.status, stranger.json.detail]).toEqual([401, expect.stringContaining('join with --name db1')])
    expect((await join(bound, 'DB1')).status).toBe(201)
    const short = await newToken({ expires_in_seconds: 60 })
    app.services.clock.advance(61)
    expect((await join(short, 'late')).json.detail).toContain('expired')
    expect((await join('ccj_bm90IGpzb24', 'x')).status).toBe(401)
    expect((await join(`ccj_${Buffer.from('{"v":1}').toString('base64url')}`, 'x')).status).toBe(401)
  })

  it('do not let two agents have one name', async () => {
    await join(await newToken(), 'twin')
    const second = await join(await newToken(), 'TWIN')
    expect([second.status, second.json.code]).toEqual([409, 'conflict'])
  })

  it('used twice at once give one agent', async () => {
    const token = await newToken()
    const answers = await Promise.all(Array.from({ length: 6 }, async () => await join(token, 'racing')))
    const ids = new Set(answers.map(({ json }) => (json.agent as { id: string } | undefined)?.id))
    expect(ids.size).toBe(1)
    const { json } = await app.admin('GET', '/api/v1/agents?name=racing')
    expect(json.total).toBe(1)
  })

  it('can be ended before somebody joins, and not after', async () => {
    const { json } = await app.call('POST', '/api/v1/join-tokens', { key: app.keys.operator, body: {} })
    const path = `/api/v1/join-tokens/${json.id}`
    expect((await app.admin('DELETE', path)).status).toBe(204)
    expect((await join(String(json.token), 'nobody')).status).toBe(401)
    expect((await app.admin('DELETE', path)).status).toBe(404)
    const used = (await app.admin('GET', '/api/v1/join-tokens')).json.data?.find((entry) => entry.used_at !== undefined)
    expect((await app.admin('DELETE', `/api/v1/join-tokens/${used?.id}`)).status).toBe(409)
  })
})

describe('agents', () => {
  it('registered by hand get their key once', async () => {
    const { status, json } = await app.admin('POST', '/api/v1/agents', { name: 'old', hostname: 'old.test' })
    expect(status).toBe(201)
    expect(json).toMatchObject({ name: 'old', hostname: 'old.test', os: '', ip_address: '' })
    const again = await app.admin('GET', `/api/v1/agents/${json.id}`)
    expect(again.json.api_key).toBeUndefined()
    expect((await app.admin('POST', '/api/v1/agents', { name: 'Old', hostname: 'x' })).status).toBe(409)
    expect((await app.admin('POST', '/api/v1/agents', { name: 'no-host' })).status).toBe(400)
  })

  it('are online while they say that they live', async () => {
    const agent = await app.addAgent('beating')
    const beat = await app.call('POST', `/api/v1/agents/${agent.id}/heartbeat`, {
      key: agent.key,
      body: { version: '1.0.0', hostname: 'h', os: 'linux', architecture: 'amd64', ip_address: '10.0.0.1' },
    })
    expect([beat.status, beat.json.status]).toEqual([200, 'heartbeat_recorded'])
    await app.app.flush()
    const read = async () => (await app.admin('GET', `/api/v1/agents/${agent.id}`)).json
    expect(await read()).toMatchObject({ status: 'Online', version: '1.0.0', ip_address: '10.0.0.1', os: 'linux' })
    await app.call('POST', `/api/v1/agents/${agent.id}/heartbeat`, { key: agent.key })
    await app.app.flush()
    expect(await read()).toMatchObject({ version: '1.0.0' })
    app.services.clock.advance(121)
    expect(await read()).toMatchObject({ status: 'Offline' })
    const offline = await app.admin('GET', '/api/v1/agents?status=Offline&per_page=500')
    expect(offline.json.data?.map((entry) => entry.id)).toContain(agent.id)
    const online = await app.admin('GET', '/api/v1/agents?status=Online')
    expect(online.json.data).toEqual([])
  })

  it('reach only what is under their own id', async () => {
    const [one, two] = [await app.addAgent('one'), await app.addAgent('two')]
    const foreign = await app.call('POST', `/api/v1/agents/${two.id}/heartbeat`, { key: one.key })
    expect([foreign.status, foreign.json.code]).toEqual([403, 'forbidden'])
    expect((await app.call('GET', `/api/v1/agents/${two.id}`, { key: one.key })).status).toBe(403)
    expect((await app.call('GET', `/api/v1/agents/${one.id}`, { key: one.key })).status).toBe(200)
    expect((await app.call('POST', `/api/v1/agents/${one.id}/heartbeat`, { key: app.keys.admin })).status).toBe(403)
  })

  it('that nothing depends on retire at once, and are told that they are gone', async () => {
    const agent = await app.addAgent('leaving')
    await app.call('POST', `/api/v1/agents/${agent.id}/heartbeat`, { key: agent.key })
    const { status, json } = await app.admin('DELETE', `/api/v1/agents/${agent.id}`)
    expect(status).toBe(200)
    expect(json).toMatchObject({
      already_retired: false,
      cascade: false,
      counts: { active_targets: 0, active_certificates: 0, pending_jobs: 0 },
    })
    const beat = await app.call('POST', `/api/v1/agents/${agent.id}/heartbeat`, { key: agent.key })
    expect([beat.status, beat.json.code]).toEqual([410, 'gone'])
    expect((await app.admin('DELETE', `/api/v1/agents/${agent.id}`)).status).toBe(204)
    const retired = await app.admin('GET', '/api/v1/agents/retired')
    expect(retired.json.data?.map((entry) => entry.id)).toContain(agent.id)
    const living = await app.admin('GET', '/api/v1/agents?per_page=500')
    expect(living.json.data?.map((entry) => entry.id)).not.toContain(agent.id)
  })

  it('that something depends on retire only with force and a reason, and take it with them', async () => {
    const agent = await app.addAgent('needed')
    const target = await app.admin('POST', '/api/v1/targets', { name: 'site', type: 'NGINX', agent_id: agent.id })
    expect(target.status).toBe(201)
    const path = `/api/v1/agents/${agent.id}`
    const blocked = await app.admin('DELETE', path)
    expect(blocked.status).toBe(409)
    expect(blocked.json).toMatchObject({
      error: 'blocked_by_dependencies',
      code: 'conflict',
      counts: { active_targets: 1, active_certificates: 0, pending_jobs: 0 },
    })
    const noReason = await app.admin('DELETE', `${path}?force=true`)
    expect([noReason.status, noReason.json.errors]).toEqual([400, [expect.objectContaining({ field: 'reason' })]])
    const forced = await app.admin('DELETE', `${path}?force=true&reason=old+machine`)
    expect(forced.json).toMatchObject({ cascade: true, counts: { active_targets: 1 } })
    expect((await app.admin('GET', path)).json).toMatchObject({ retired_reason: 'old machine' })
    expect((await app.admin('GET', `/api/v1/targets/${target.json.id}`)).json.retired_at).toBeDefined()
  })

  it('of the old server itself cannot be retired', async () => {
    expect((await app.admin('DELETE', '/api/v1/agents/server-scanner')).status).toBe(403)
    expect((await app.admin('DELETE', '/api/v1/agents/nobody')).status).toBe(404)
  })

  it('can leave by themselves', async () => {
    const agent = await app.addAgent('self')
    const left = await app.call('POST', `/api/v1/agents/${agent.id}/retire-self`, { key: agent.key })
    expect([left.status, left.json.status]).toEqual([200, 'retired'])
    expect((await app.call('POST', `/api/v1/agents/${agent.id}/retire-self`, { key: agent.key })).status).toBe(410)
  })

  it('may be called again like one that was retired', async () => {
    expect((await app.admin('POST', '/api/v1/agents', { name: 'self', hostname: 'h' })).status).toBe(201)
  })
})

describe('discoveries', () => {
  const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from('not really one').toString('base64')}\n-----END CERTIFICATE-----\n`
  const found = {
    fingerprint_sha256: '',
    common_name: 'a.test',
    sans: ['a.test'],
    serial_number: '1f',
    issuer_dn: 'CN=CA',
    subject_dn: 'CN=a.test',
    not_before: '2026-01-01T00:00:00Z',
    not_after: '2027-01-01T00:00:00Z',
    key_algorithm: 'ECDSA',
    key_size: 256,
    is_ca: false,
    pem_data: pem,
    source_path: '/etc/ssl/a.pem',
    source_format: 'PEM',
  }

  beforeAll(async () => {
    const { createHash } = await import('node:crypto')
    found.fingerprint_sha256 = createHash('sha256').update('not really one').digest('hex')
  })

  it('of an older agent are one scan, and each certificate is kept once', async () => {
    const agent = await app.addAgent('searching')
    const report = {
      agent_id: agent.id,
      directories: ['/etc/ssl'],
      certificates: [found, { ...found, source_path: '/etc/ssl/b.pem' }, found],
      errors: ['/etc/ssl/c: unreadable'],
      scan_duration_ms: 12,
    }
    const path = `/api/v1/agents/${agent.id}/discoveries`
    const first = await app.call('POST', path, { key: agent.key, body: report })
    expect(first.status).toBe(202)
    expect(first.json).toMatchObject({
      agent_id: agent.id,
      directories: ['/etc/ssl'],
      certificates_found: 3,
      certificates_new: 1,
      errors_count: 1,
      scan_duration_ms: 12,
    })
    expect(first.json.completed_at).toBeDefined()
    const second = await app.call('POST', path, { key: agent.key, body: { ...report, errors: null } })
    expect(second.json).toMatchObject({ certificates_new: 0, errors_count: 0 })
    const sightings = await app.services.store.discoveries.sightingsOfAgent(agent.id)
    expect(sightings.map((sighting) => sighting.location)).toEqual(['/etc/ssl/a.pem', '/etc/ssl/b.pem'])
    expect(new Set(sightings.map((sighting) => sighting.scan_id))).toEqual(new Set([second.json.id]))
  })

  it('come in batches that add up until one says that it is the last', async () => {
    const agent = await app.addAgent('batches')
    const send = async (body: object) =>
      await app.call('POST', `/api/v1/agents/${agent.id}/discoveries`, { key: agent.key, body })
    const one = await send({ scan_id: 's1', batch: 0, certificates: [found], complete: false })
    const two = await send({ scan_id: 's1', batch: 1, certificates: [found], complete: true })
    expect(one.json.completed_at).toBeUndefined()
    expect(two.json).toMatchObject({ id: one.json.id, certificates_found: 2 })
    expect(two.json.completed_at).toBeDefined()
  })

  it('count a certificate that is not what its fingerprint says as an error, and do not keep it', async () => {
    const agent = await app.addAgent('lying')
    const { json } = await app.call('POST', `/api/v1/agents/${agent.id}/discoveries`, {
      key: agent.key,
      body: { certificates: [{ ...found, fingerprint_sha256: 'ab'.repeat(32) }] },
    })
    expect(json).toMatchObject({ certificates_new: 0, errors_count: 1 })
  })

  it("are an agent's own", async () => {
    const agent = await app.addAgent('honest')
    const { status } = await app.call('POST', `/api/v1/agents/${agent.id}/discoveries`, {
      key: agent.key,
      body: { agent_id: 'agent-somebody', certificates: [] },
    })
    expect(status).toBe(403)
  })
})
