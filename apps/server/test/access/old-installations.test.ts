import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { announceLegacyAgentKeys } from '../../src/access/legacy-agent-keys.js'
import { readConfig } from '../../src/config.js'
import { endUnnamed, syncEnvironmentInstances } from '../../src/connectors/environment-instances.js'
import { createTestApp, type TestApp } from '../http/test-app.js'
import { createTestServices, insertServer, type TestServices } from '../postgres.js'

const alice = 'a-key-of-alice-that-is-long-enough'
const bob = 'a-key-of-bob-that-is-long-enough'
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function appWith(environment: Record<string, string>): Promise<TestApp> {
  const app = await createTestApp({ environment })
  closing.push(async () => await app.close())
  await insertServer(app.services)
  await syncEnvironmentInstances(app.services, {})
  return app
}

/** Another copy of the same server, started with this environment. */
async function copyOf(app: TestApp, environment: Record<string, string>): Promise<TestServices> {
  const { database, clock } = app.services
  const copy = await createTestServices({ database, clock, environment, serverId: 'server-other' })
  closing.push(async () => await copy.close())
  await insertServer(copy)
  await syncEnvironmentInstances(copy, {})
  return copy
}

const statusWith = async (app: TestApp, key: string, path = '/api/v1/agents') =>
  (await app.call('GET', path, { key })).status

describe('keys of CERTCTL_API_KEYS_NAMED', () => {
  it('are operators, and administrators where it says so', async () => {
    const app = await appWith({ CERTCTL_API_KEYS_NAMED: `alice:${alice}:admin, bob:${bob}` })
    expect([await statusWith(app, alice, '/api/v1/api-keys'), await statusWith(app, bob, '/api/v1/api-keys')]).toEqual([
      200, 403,
    ])
    expect(await statusWith(app, bob)).toBe(200)
    const { json } = await app.admin('GET', '/api/v1/api-keys')
    const listed = json.data?.filter(({ source }) => source === 'env')
    expect(listed?.map(({ name, role, owner }) => [name, role, owner]).sort()).toEqual([
      ['alice', 'admin', 'alice'],
      ['bob', 'operator', 'bob'],
    ])
  })

  it('can be replaced one copy after the other: both values work while a living copy names them', async () => {
    const app = await appWith({ CERTCTL_API_KEYS_NAMED: `alice:${alice}` })
    const copy = await copyOf(app, { CERTCTL_API_KEYS_NAMED: `alice:${bob}` })
    expect([await statusWith(app, alice), await statusWith(app, bob)]).toEqual([200, 200])
    await app.services.store.servers.remove(app.services.server.id)
    await endUnnamed(copy)
    app.services.clock.advance(11)
    expect([await statusWith(app, alice), await statusWith(app, bob)]).toEqual([401, 200])
  })

  it('end with a copy that was killed, once it must be dead, and not before', async () => {
    const app = await appWith({})
    await copyOf(app, { CERTCTL_API_KEYS_NAMED: `alice:${alice}` })
    await endUnnamed(app.services)
    expect(await statusWith(app, alice)).toBe(200)
    app.services.clock.advance(61)
    await app.services.store.servers.beat(app.services.server.id, app.services.clock.now())
    await endUnnamed(app.services)
    expect(await statusWith(app, alice)).toBe(401)
  })

  it('work again when they are named again, and follow a change of role', async () => {
    const app = await appWith({ CERTCTL_API_KEYS_NAMED: `alice:${alice}:admin` })
    await copyOf(app, { CERTCTL_API_KEYS_NAMED: `alice:${alice}` })
    app.services.clock.advance(11)
    expect([await statusWith(app, alice), await statusWith(app, alice, '/api/v1/api-keys')]).toEqual([200, 403])
  })

  it('are taken back where they were set, not over the API', async () => {
    const app = await appWith({ CERTCTL_API_KEYS_NAMED: `alice:${alice}` })
    const { json } = await app.admin('GET', '/api/v1/api-keys')
    const id = json.data?.find(({ name }) => name === 'alice')?.id
    const refused = await app.admin('DELETE', `/api/v1/api-keys/${String(id)}`)
    expect(refused).toMatchObject({ status: 409, text: expect.stringContaining('CERTCTL_API_KEYS_NAMED') })
  })

  it('come from a file as well', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cct-keys-'))
    const path = join(folder, 'keys')
    writeFileSync(path, `alice:${alice}\n`)
    const app = await appWith({ CERTCTL_API_KEYS_NAMED_FILE: path })
    rmSync(folder, { recursive: true })
    expect(await statusWith(app, alice)).toBe(200)
  })

  it('are never in the log, in the record or in a refusal of the setting', async () => {
    const app = await appWith({ CERTCTL_API_KEYS_NAMED: `alice:${alice}:admin,bob:short` })
    await statusWith(app, alice)
    const entries = await app.services.store.auditEvents.list({}, { limit: 100 })
    const said = JSON.stringify([app.services.logged, entries])
    expect(said).toContain('alice')
    expect(said).not.toContain(alice)
    expect(app.services.logged).toContainEqual(expect.objectContaining({ names: ['bob'] }))
    const wrong = () => readConfig({ CERTCTL_API_KEYS_NAMED: `alice:${alice}, carol:${bob}:root` })
    expect(wrong).toThrow(
      'CERTCTL_API_KEYS_NAMED must be name:key or name:key:admin, comma between; what is wrong is number 2 of 2',
    )
    const twice = () => readConfig({ CERTCTL_API_KEYS_NAMED: `alice:${alice}, carol:${alice}` })
    expect(twice).toThrow('number 2 is an earlier one again')
    for (const read of [wrong, twice]) expect(read).not.toThrow(alice)
  })
})

describe('keys of CERTCTL_AUTH_SECRET', () => {
  it('are operators called by their place', async () => {
    const app = await appWith({ CERTCTL_AUTH_SECRET: `${alice},${bob}` })
    expect([await statusWith(app, alice), await statusWith(app, bob)]).toEqual([200, 200])
    expect(await statusWith(app, alice, '/api/v1/api-keys')).toBe(403)
    const { json } = await app.admin('GET', '/api/v1/api-keys')
    const names = json.data?.filter(({ source }) => source === 'env').map(({ name }) => name)
    expect(names?.sort()).toEqual(['legacy-key-0', 'legacy-key-1'])
  })

  it('are not read beside named ones, and that is said', async () => {
    const app = await appWith({ CERTCTL_AUTH_SECRET: alice, CERTCTL_API_KEYS_NAMED: `bob:${bob}` })
    expect([await statusWith(app, alice), await statusWith(app, bob)]).toEqual([401, 200])
    expect(app.services.logged).toContainEqual(
      expect.objectContaining({ msg: expect.stringContaining('CERTCTL_AUTH_SECRET is not read') }),
    )
  })
})

describe.each([',', ' ', ' , ,'])('CERTCTL_API_KEYS_NAMED of %j, which names nobody,', (named) => {
  it('counts as not given', async () => {
    const app = await appWith({ CERTCTL_AUTH_SECRET: alice, CERTCTL_API_KEYS_NAMED: named })
    expect(await statusWith(app, alice)).toBe(200)
    expect(JSON.stringify(app.services.logged)).not.toContain('is not read')
  })
})

describe('CERTCTL_AUTH_TYPE', () => {
  it('is api-key: a server that answers whoever comes is refused with what to do instead', () => {
    expect(readConfig({ CERTCTL_AUTH_TYPE: 'api-key' }).auth_type).toBe('api-key')
    expect(() => readConfig({ CERTCTL_AUTH_TYPE: 'none' })).toThrow('admin.key')
    expect(() => readConfig({ CERTCTL_AUTH_TYPE: 'oidc' })).toThrow('CERTCTL_AUTH_TYPE must be "api-key"')
  })
})

describe('CERTCTL_AGENT_BOOTSTRAP_TOKEN', () => {
  const body = { name: 'web1', hostname: 'web1.test' }
  const token = 'a-token-that-registers-agents'

  it('registers agents and does nothing else', async () => {
    const app = await appWith({ CERTCTL_AGENT_BOOTSTRAP_TOKEN: token })
    const made = await app.call('POST', '/api/v1/agents', { key: token, body })
    expect(made).toMatchObject({ status: 201, json: { name: 'web1', api_key: expect.stringMatching(/^cca_/) } })
    expect(await statusWith(app, token)).toBe(401)
    expect(await statusWith(app, String(made.json.api_key), `/api/v1/agents/${String(made.json.id)}`)).toBe(200)
    const [entry] = await app.services.store.auditEvents.list({ action: 'agent.created' }, { limit: 1 })
    expect(entry?.actor).toBe('agent bootstrap token')
  })

  it('gives each host an agent and a key of its own, also where all of them send the same Idempotency-Key', async () => {
    const app = await appWith({ CERTCTL_AGENT_BOOTSTRAP_TOKEN: token })
    const headers = { 'idempotency-key': 'boot' }
    const ask = async (from: string) => await app.call('POST', '/api/v1/agents', { key: token, body, headers, from })
    const first = await ask('127.0.0.1')
    const again = await ask('127.0.0.1')
    const other = await ask('127.0.0.9')
    expect(first.status).toBe(201)
    expect(again.json).toEqual(first.json)
    expect(other.json.api_key).not.toBe(first.json.api_key)
    expect(other.json.id).not.toBe(first.json.id)
  })

  it('that is not set lets nobody in, and keeps nobody out who has a key', async () => {
    const app = await appWith({})
    for (const key of ['', 'undefined', token])
      expect((await app.call('POST', '/api/v1/agents', { key, body })).status).toBe(401)
    expect((await app.call('POST', '/api/v1/agents', { key: app.keys.operator, body })).status).toBe(201)
    expect((await app.call('POST', '/api/v1/agents', { key: app.keys.viewer, body })).status).toBe(403)
  })
})

describe('CERTCTL_LEGACY_AGENT_KEYS', () => {
  const environment = { CERTCTL_LEGACY_AGENT_KEYS: 'true' }
  const beat = async (app: TestApp, key: string, id: string) =>
    (await app.call('POST', `/api/v1/agents/${id}/heartbeat`, { key, body: {} })).status

  it('lets operators be agents, and nobody else', async () => {
    const app = await appWith(environment)
    const [one, other] = [await app.addAgent('one'), await app.addAgent('other')]
    expect([await beat(app, app.keys.operator, one.id), await beat(app, app.keys.admin, other.id)]).toEqual([200, 200])
    expect([await beat(app, app.keys.viewer, one.id), await beat(app, other.key, one.id)]).toEqual([403, 403])
    expect(await beat(app, app.keys.operator, 'agent-nobody')).toBe(404)
    await app.admin('DELETE', `/api/v1/agents/${one.id}`)
    expect(await beat(app, app.keys.operator, one.id)).toBe(410)
  })

  it('is off unless it is set', async () => {
    const app = await appWith({})
    const { id } = await app.addAgent('one')
    expect([await beat(app, app.keys.operator, id), await beat(app, app.keys.admin, id)]).toEqual([403, 403])
  })

  it('is loud at every start: a warning, an entry of the record and an alert, which ends with it', async () => {
    const app = await appWith(environment)
    for (const _start of [1, 2]) await announceLegacyAgentKeys(app.services)
    const { store } = app.services
    const openAlerts = async () => (await app.admin('GET', '/api/v1/events?type=agents.legacy_keys_allowed')).json.data
    expect(app.services.logged.filter(({ msg }) => String(msg).includes('LEGACY_AGENT_KEYS'))).toHaveLength(2)
    expect(await store.auditEvents.list({ action: 'agents.legacy_keys_allowed' }, { limit: 5 })).toHaveLength(2)
    expect(await openAlerts()).toHaveLength(1)
    const { database, clock } = app.services
    const without = await createTestServices({ database, clock })
    closing.push(async () => await without.close())
    for (const _start of [1, 2]) await announceLegacyAgentKeys(without)
    const ended = (await app.admin('GET', '/api/v1/events?type=agents.legacy_keys_ended')).json.data
    expect(ended).toHaveLength(1)
  })
})
