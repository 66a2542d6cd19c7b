import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { openTargetConfig } from '../../src/inventory/target-config.js'
import { testTarget } from '../../src/inventory/test-target.js'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let agent: { id: string; key: string }
const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['cert_path', 'key_path'],
  properties: {
    cert_path: { type: 'string', 'x-certctl': 'file', description: 'a' },
    key_path: { type: 'string', 'x-certctl': 'file', description: 'b' },
    password: { anyOf: [{}, { type: 'string' }], 'x-certctl': 'secret', description: 'c' },
    port: { type: 'integer', default: 443, description: 'd' },
  },
}
const connector = {
  kind: 'target',
  type: 'NGINX',
  aliases: ['nginx-plus'],
  schema,
  capabilities: { holds: 'one' },
  package: 'p',
  version: '1',
}

async function report(of: { id: string; key: string }, connectors: readonly object[]): Promise<number> {
  const body = { connectors }
  return (await app.call('PUT', `/api/v1/agents/${of.id}/connectors`, { key: of.key, body })).status
}

beforeAll(async () => {
  app = await createTestApp()
  agent = await app.addAgent('web')
  expect(await report(agent, [connector])).toBe(204)
})
afterAll(async () => await app.close())

const files = (name: string) => ({ cert_path: `/etc/${name}.pem`, key_path: `/etc/${name}.key` })
const add = async (name: string, more: object = {}) =>
  await app.admin('POST', '/api/v1/targets', { name, type: 'nginx', agent_id: agent.id, config: files(name), ...more })

describe('targets', () => {
  it('are checked by what their agent reported, and shown with secrets masked', async () => {
    const { status, json, text } = await add('site', { config: { ...files('site'), password: 'canary-1' } })
    expect(status).toBe(201)
    expect(json).toMatchObject({
      type: 'NGINX',
      agent_id: agent.id,
      config: { ...files('site'), password: '********' },
      enabled: true,
      test_status: 'untested',
    })
    expect(text).not.toContain('canary')
    const faulty = await add('faulty', { config: { cert_path: 7, keypath: 'x' } })
    expect(faulty.status).toBe(400)
    expect((faulty.json.errors as { field: string }[]).map(({ field }) => field).sort()).toEqual([
      'config.cert_path',
      'config.key_path',
      'config.keypath',
    ])
  })

  it('need an agent that exists and is not retired, and name the field', async () => {
    const unknown = await add('x', { agent_id: 'agent-nobody' })
    expect([unknown.status, unknown.json.errors]).toEqual([
      400,
      [{ field: 'agent_id', message: 'there is no agent "agent-nobody"' }],
    ])
    const gone = await app.addAgent('gone')
    await app.admin('DELETE', `/api/v1/agents/${gone.id}`)
    const retired = await add('x', { agent_id: gone.id })
    expect([retired.status, retired.json.errors]).toEqual([400, [expect.objectContaining({ field: 'agent_id' })]])
  })

  it('of one agent have one name each', async () => {
    const { status, json } = await add('SITE', { config: files('other') })
    expect([status, json.code]).toEqual([409, 'conflict'])
    const elsewhere = await app.addAgent('elsewhere')
    const same = await add('site', { agent_id: elsewhere.id, config: files('site') })
    expect(same.status).toBe(201)
  })

  it('never write where another target of the agent writes, and say which that is', async () => {
    const { status, json } = await add('rival', { config: { ...files('rival'), key_path: '/etc/site.key' } })
    expect([status, json.code]).toEqual([409, 'conflict'])
    expect(json.detail).toMatch(/site .*already/)
    expect((await app.admin('GET', '/api/v1/targets')).json.data?.map((target) => target.name)).not.toContain('rival')
  })

  it('of which only one can win a place that two want at once', async () => {
    const config = files('contested')
    const answers = await Promise.all([add('first', { config }), add('second', { config })])
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
  })

  it('give their place back when they are deleted', async () => {
    const one = await add('temporary')
    expect((await app.admin('DELETE', `/api/v1/targets/${one.json.id}`)).status).toBe(204)
    expect((await add('successor', { config: files('temporary') })).status).toBe(201)
    expect((await app.admin('GET', `/api/v1/targets/${one.json.id}`)).json.retired_at).toBeDefined()
    expect((await app.admin('DELETE', `/api/v1/targets/${one.json.id}`)).status).toBe(404)
  })

  it('keep what a change does not name, and what it sends back masked', async () => {
    const { json } = await add('kept', { config: { ...files('kept'), password: 'canary-2' } })
    const path = `/api/v1/targets/${json.id}`
    const changed = await app.admin('PUT', path, { config: { port: 8443, password: '********' } })
    expect(changed.json).toMatchObject({ enabled: true, name: 'kept', config: { ...files('kept'), port: 8443 } })
    const row = await app.services.store.targets.get(String(json.id))
    expect(row && openTargetConfig(app.services, row)).toEqual({ ...files('kept'), password: 'canary-2', port: 8443 })
    expect(JSON.stringify(row?.config)).not.toContain('canary')
    expect((await app.admin('PUT', path, (await app.admin('GET', path)).json)).status).toBe(200)
  })

  it('count their generation up when a deployment would differ, and not for a name', async () => {
    const { json } = await add('generations')
    const path = `/api/v1/targets/${json.id}`
    const generation = async () => (await app.services.store.targets.get(String(json.id)))?.generation
    const before = await generation()
    await app.admin('PUT', path, { name: 'renamed' })
    expect(await generation()).toBe(before)
    await app.admin('PUT', path, { config: { port: 1 } })
    expect(await generation()).toBe((before ?? 0) + 1)
    await app.admin('PUT', path, { enabled: false })
    expect(await generation()).toBe((before ?? 0) + 2)
  })

  it('move to another agent with their places', async () => {
    const other = await app.addAgent('other')
    await report(other, [connector])
    const { json } = await add('moving')
    const moved = await app.admin('PUT', `/api/v1/targets/${json.id}`, { agent_id: other.id })
    expect(moved.json).toMatchObject({ agent_id: other.id })
    expect((await add('after', { config: files('moving') })).status).toBe(201)
    const clash = await add('clash', { agent_id: other.id, config: files('moving') })
    expect(clash.status).toBe(409)
  })

  it('are changed only by who saw what is there now', async () => {
    const { json } = await add('matched')
    const path = `/api/v1/targets/${json.id}`
    const { headers } = await app.admin('GET', path)
    app.services.clock.advance(1)
    await app.admin('PUT', path, { name: 'matched-2' })
    const late = await app.call('PUT', path, {
      key: app.keys.admin,
      body: { name: 'matched-3' },
      headers: { 'if-match': headers.etag ?? '' },
    })
    expect([late.status, late.json.code]).toEqual([412, 'precondition_failed'])
  })

  it('of a type that nobody described are sealed whole and masked whole', async () => {
    const old = await app.addAgent('old')
    const { status, json, text } = await add('legacy', {
      agent_id: old.id,
      type: 'F5',
      config: { host: 'canary-host', password: 'canary-3' },
    })
    expect(status).toBe(201)
    expect(json).toMatchObject({ type: 'F5', config: { host: '********', password: '********' } })
    expect(text).not.toContain('canary')
    const row = await app.services.store.targets.get(String(json.id))
    expect(row?.config).toEqual({})
    const masked = { host: 'new', password: '********' }
    await app.admin('PUT', `/api/v1/targets/${json.id}`, { config: masked })
    const after = await app.services.store.targets.get(String(json.id))
    expect(after && openTargetConfig(app.services, after)).toEqual({ host: 'new', password: 'canary-3' })
  })

  it('become readable, and claim their places, when their agent describes their type', async () => {
    const late = await app.addAgent('late')
    const { json } = await add('described', { agent_id: late.id, config: { ...files('late'), password: 'canary-4' } })
    expect(json.config).toMatchObject({ cert_path: '********' })
    await report(late, [connector])
    const shown = await app.admin('GET', `/api/v1/targets/${json.id}`)
    expect(shown.json.config).toEqual({ ...files('late'), password: '********' })
    expect((await add('thief', { agent_id: late.id, config: files('late') })).status).toBe(409)
  })

  it('seal a field that a new version of their connector calls a secret', async () => {
    const strict = await app.addAgent('strict')
    await report(strict, [connector])
    const { json } = await add('tightened', { agent_id: strict.id, config: { ...files('t'), port: 4711 } })
    const properties = { ...schema.properties, port: { type: 'integer', 'x-certctl': 'secret' } }
    await report(strict, [{ ...connector, schema: { ...schema, properties } }])
    const row = await app.services.store.targets.get(String(json.id))
    expect(JSON.stringify(row?.config)).not.toContain('4711')
    expect(row && openTargetConfig(app.services, row)).toMatchObject({ port: 4711 })
  })

  it('are tested by their agent; one that is offline is a failed test that says so', async () => {
    const { json } = await add('tested')
    const { status, json: outcome } = await app.admin('POST', `/api/v1/targets/${json.id}/test`)
    expect([status, outcome.status]).toEqual([200, 'failed'])
    expect(outcome.message).toContain('offline')
  })

  it('leave no test behind that no agent took', async () => {
    const { json } = await add('untaken')
    const id = String(json.id)
    expect((await app.call('POST', `/api/v1/agents/${agent.id}/heartbeat`, { key: agent.key, body: {} })).status).toBe(
      200,
    )
    await app.app.flush()
    const actor = { type: 'User' as const, id: 'key-1', name: 'admin' }
    const signal = new AbortController().signal
    const outcome = await testTarget(app.services, { id, actor, signal, waitSeconds: 0.1 })
    expect(outcome).toEqual({ status: 'failed', message: expect.stringContaining('did not take the test') })
    const { json: jobs } = await app.admin('GET', '/api/v1/jobs?per_page=500')
    const states = (jobs.data as { target_id?: string; status: string }[]).filter((job) => job.target_id === id)
    expect(states.map(({ status }) => status)).toEqual(['Cancelled'])
  })

  it('are listed by agent, type and state', async () => {
    const ids = async (query: string) => (await app.admin('GET', `/api/v1/targets?per_page=500&${query}`)).json.data
    expect((await ids(`agent_id=${agent.id}`))?.every((target) => target.agent_id === agent.id)).toBe(true)
    expect((await ids('type=f5'))?.map((target) => target.name)).toEqual(['legacy'])
    expect((await ids('enabled=false'))?.map((target) => target.name)).toEqual(['renamed'])
  })
})
