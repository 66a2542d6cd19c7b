import { Secret } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createSealing } from '../../src/access/sealing.js'
import { openConnection } from '../../src/connectors/connections.js'
import { openTargetConfig } from '../../src/inventory/target-config.js'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let agent: { id: string; key: string }
beforeAll(async () => {
  app = await createTestApp()
  agent = await app.addAgent('web')
  await report()
})
afterAll(async () => await app.close())

const schema = {
  type: 'object',
  properties: { port: { type: 'integer' }, password: { anyOf: [{}, { type: 'string' }], 'x-certctl': 'secret' } },
}
async function report(): Promise<number> {
  const connector = { kind: 'target', type: 'X', schema, capabilities: { holds: 'one' }, package: 'p', version: '1' }
  const path = `/api/v1/agents/${agent.id}/connectors`
  return (await app.call('PUT', path, { key: agent.key, body: { connectors: [connector] } })).status
}
const lost = (table: string, id: string) =>
  createSealing([new Secret('a key that nobody has any more, as of an older backup')]).seal('{}', {
    table,
    id,
    column: 'secrets',
  })

describe('secrets that cannot be opened', () => {
  it('of a notifier leave it to be seen, masked, and to be set anew', async () => {
    const url = 'https://hooks.example.test/x'
    const config = { url, secret: 'the first secret of it' }
    const made = await app.admin('POST', '/api/v1/notifiers', { name: 'hook', type: 'Webhook', config })
    const id = String(made.json.id)
    const path = `/api/v1/notifiers/${id}`
    await app.services.store.connections.update(id, { secrets: lost('connections', id) })
    const seen = await app.admin('GET', path)
    expect(seen.json).toMatchObject({ available: false, config: { secret: '********' } })
    expect(seen.json.unavailable_reason).toContain('CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS')
    expect((await app.admin('GET', '/api/v1/notifiers')).status).toBe(200)

    const half = await app.admin('PUT', path, { config: { url } })
    expect([half.status, half.text]).toEqual([400, expect.stringContaining('config.secret')])
    const whole = await app.admin('PUT', path, { config: { url, secret: 'the second secret of it' } })
    expect([whole.status, whole.json.available]).toEqual([200, true])
    const row = await app.services.store.connections.find(id)
    expect(row && openConnection(app.services, row)).toMatchObject({ url, secret: 'the second secret of it' })
  })

  it('of a target leave it to be seen and set anew, and its agent to report; another change does not write over them', async () => {
    const body = { name: 't', type: 'X', agent_id: agent.id, config: { port: 1, password: 'first' } }
    const id = String((await app.admin('POST', '/api/v1/targets', body)).json.id)
    const path = `/api/v1/targets/${id}`
    const secrets = lost('targets', id)
    await app.services.store.targets.update(id, { secrets })
    expect((await app.admin('GET', path)).json.config).toEqual({ port: 1, password: '********' })
    expect(await report()).toBe(204)
    expect((await app.admin('PUT', path, { name: 'renamed' })).status).toBe(500)
    expect((await app.admin('PUT', path, { config: { port: 2 } })).status).toBe(400)
    expect((await app.services.store.targets.get(id))?.secrets).toEqual(secrets)
    expect((await app.admin('PUT', path, { config: { password: 'second' } })).status).toBe(200)
    const row = await app.services.store.targets.get(id)
    expect(row && openTargetConfig(app.services, row)).toEqual({ port: 1, password: 'second' })
  })
})
