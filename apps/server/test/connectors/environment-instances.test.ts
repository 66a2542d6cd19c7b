import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRegistry, defineIssuer, defineNotifier, duration, type Registry, secret, z } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { syncEnvironmentInstances } from '../../src/connectors/environment-instances.js'
import { createTestServices, type TestDatabase, type TestServices, testDatabase } from '../postgres.js'

const issuer = defineIssuer({
  type: 'FakeCA',
  displayName: 'A CA for tests',
  configSchema: z.strictObject({
    addr: z.string().describe('Where it is.'),
    token: secret().describe('Credential.'),
    days: z.int().min(1).prefault(90).describe('How long.'),
    strict: z.boolean().prefault(false).describe('Whether.'),
    names: z.array(z.string()).optional().describe('Which.'),
    wait: duration().prefault('30s').describe('How long to wait.'),
  }),
  environment: [
    {
      id: 'iss-fake',
      name: 'Fake CA',
      when: 'CERTCTL_FAKE_ADDR',
      variables: {
        addr: 'CERTCTL_FAKE_ADDR',
        token: 'CERTCTL_FAKE_TOKEN',
        days: 'CERTCTL_FAKE_DAYS',
        strict: 'CERTCTL_FAKE_STRICT',
        names: 'CERTCTL_FAKE_NAMES',
        wait: 'CERTCTL_FAKE_WAIT',
      },
    },
  ],
  capabilities: { operations: [], names: ['dns'], honours: [], revocationReasons: [], metered: false },
  create: () => ({ issue: async () => ({ status: 'invalid' as const, orderId: 'x', reason: 'a fake' }) }),
})
const notifier = defineNotifier({
  type: 'Always',
  displayName: 'Always there',
  configSchema: z.strictObject({ to: z.string().describe('Where to.') }),
  environment: [{ id: 'ntf-always', name: 'Always', variables: { to: 'CERTCTL_ALWAYS_TO' }, defaults: { to: 'here' } }],
  capabilities: { deduplicates: false, resolves: false, recipients: 'fixed' },
  create: () => ({ send: async () => ({}) }),
})

function fakes(): Registry {
  const registry = createRegistry()
  registry.add({ kind: 'issuer', definition: issuer, package: 'fake-ca', version: '1' })
  registry.add({ kind: 'notifier', definition: notifier, package: 'always', version: '1' })
  return registry
}

let database: TestDatabase
const copies: TestServices[] = []
beforeEach(async () => {
  database = await testDatabase()
})
afterEach(async () => {
  await Promise.all(copies.splice(0).map(async (copy) => await copy.close()))
  await database.close()
})

/** A copy of the server as it starts: in the list of copies, with its environment read. */
async function start(id: string, environment: Record<string, string>): Promise<TestServices> {
  const clock = copies[0]?.clock
  const services = await createTestServices({ database, registry: fakes(), serverId: id, clock })
  copies.push(services)
  const now = services.clock.now()
  const described = { hostname: id, version: '1', environment: {}, started_at: now, heartbeat_at: now }
  await services.store.servers.insert({ id, ...described })
  await syncEnvironmentInstances(services, environment)
  return services
}

const fake = { CERTCTL_FAKE_ADDR: 'https://ca.test', CERTCTL_FAKE_TOKEN: 'canary-token' }

describe('instances from the environment', () => {
  it('are made at the start, with values of the right types and secrets sealed', async () => {
    const { store, connections } = await start('one', {
      ...fake,
      CERTCTL_FAKE_DAYS: '7',
      CERTCTL_FAKE_STRICT: 'yes',
      CERTCTL_FAKE_NAMES: 'a.test, b.test',
      CERTCTL_FAKE_WAIT: '5m',
    })
    const row = await store.connections.get('issuer', 'iss-fake')
    expect(row).toMatchObject({
      name: 'Fake CA',
      type: 'FakeCA',
      source: 'env',
      enabled: true,
      generation: 1,
      config: {
        addr: 'https://ca.test',
        token: '********',
        days: 7,
        strict: true,
        names: ['a.test', 'b.test'],
        wait: '5m',
      },
    })
    expect(await connections.issuer('iss-fake')).toMatchObject({ id: 'iss-fake', type: 'FakeCA' })
    expect(await store.connections.get('notifier', 'ntf-always')).toMatchObject({
      source: 'env',
      config: { to: 'here' },
    })
  })

  it('are not made where the variable that asks for them is not set', async () => {
    const { store } = await start('one', { CERTCTL_FAKE_TOKEN: 'x' })
    expect(await store.connections.get('issuer', 'iss-fake')).toBeUndefined()
  })

  it('take secrets from files', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'certctl-env-'))
    try {
      const path = join(directory, 'token')
      await writeFile(path, 'canary-from-file\n')
      const environment = { CERTCTL_FAKE_ADDR: 'a', CERTCTL_FAKE_TOKEN_FILE: path }
      const { store, connections } = await start('one', environment)
      expect((await store.connections.get('issuer', 'iss-fake'))?.secrets).not.toBeNull()
      await connections.issuer('iss-fake')
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('that are wrong stop the start, naming every variable and no value', async () => {
    const started = start('one', { CERTCTL_FAKE_ADDR: 'a', CERTCTL_FAKE_DAYS: 'canary', CERTCTL_FAKE_WAIT: 'canary' })
    await expect(started).rejects.toMatchObject({ code: 'config_invalid' })
    await started.catch((error: Error) => {
      for (const name of ['TOKEN', 'DAYS']) expect(error.message).toContain(`CERTCTL_FAKE_${name}`)
      expect(error.message).toContain('CERTCTL_FAKE_WAIT')
    })
    const unreadable = start('two', { CERTCTL_FAKE_ADDR: 'a', CERTCTL_FAKE_TOKEN_FILE: '/nowhere/token' })
    await expect(unreadable).rejects.toThrow('CERTCTL_FAKE_TOKEN_FILE')
  })

  it('stay as they are when nothing changed, and count up when something did', async () => {
    const { store } = await start('one', fake)
    await start('two', fake)
    expect((await store.connections.get('issuer', 'iss-fake'))?.generation).toBe(1)
    await start('three', { ...fake, CERTCTL_FAKE_TOKEN: 'another' })
    expect((await store.connections.get('issuer', 'iss-fake'))?.generation).toBe(2)
  })

  it('are disabled, not deleted, when their variable is gone, and enabled when it is back', async () => {
    const one = await start('one', fake)
    await one.store.servers.remove('one')
    const two = await start('two', {})
    expect(await two.store.connections.get('issuer', 'iss-fake')).toMatchObject({ enabled: false, source: 'env' })
    await start('three', fake)
    expect(await two.store.connections.get('issuer', 'iss-fake')).toMatchObject({ enabled: true })
  })

  it('stay enabled while another living copy has the variable', async () => {
    const one = await start('one', fake)
    const two = await start('two', {})
    expect(await two.store.connections.get('issuer', 'iss-fake')).toMatchObject({ enabled: true })
    one.clock.advance(61)
    await start('three', {})
    expect(await two.store.connections.get('issuer', 'iss-fake')).toMatchObject({ enabled: false })
  })

  it('with different values in two copies are said loudly, once, until they agree', async () => {
    const one = await start('one', fake)
    await start('two', { ...fake, CERTCTL_FAKE_TOKEN: 'canary-other' })
    await start('three', { ...fake, CERTCTL_FAKE_TOKEN: 'canary-other' })
    const events = await one.store.events.page({ type: 'environment.differs' }, { limit: 10, count: false })
    expect(events.rows).toMatchObject([{ severity: 'critical', resolved_at: null }])
    expect(events.rows[0]?.title).toContain('iss-fake')
    const warned = copies[1]?.logged.find((line) => line.level === 50)
    expect(warned?.msg).toContain('different settings for iss-fake')
    for (const id of ['one', 'two', 'three']) await one.store.servers.remove(id)
    await start('four', fake)
    expect(await one.store.events.isOpen('environment iss-fake')).toBe(false)
    const { rows } = await one.store.events.page({}, { limit: 100, count: false })
    expect(JSON.stringify(rows)).not.toContain('canary')
    expect(JSON.stringify(await one.store.servers.listAlive(new Date(0)))).not.toContain('canary')
  })

  it('whose id was taken over the API leave that one alone', async () => {
    const one = await start('one', {})
    const now = one.clock.now()
    await one.store.connections.insert({
      id: 'iss-fake',
      kind: 'issuer',
      type: 'FakeCA',
      name: 'Mine',
      config: '{}',
      secrets: null,
      source: 'api',
      created_at: now,
      updated_at: now,
    })
    const two = await start('two', fake)
    expect(await two.store.connections.get('issuer', 'iss-fake')).toMatchObject({ name: 'Mine', source: 'api' })
    expect(two.logged.some((line) => line.level === 50)).toBe(true)
  })

  it('of copies that start at the same moment are made once', async () => {
    const all = await Promise.all(
      ['one', 'two', 'three'].map(async (id) => {
        const services = await createTestServices({ database, registry: fakes(), serverId: id })
        copies.push(services)
        return services
      }),
    )
    await Promise.all(all.map(async (services) => await syncEnvironmentInstances(services, fake)))
    expect(await all[0]?.store.connections.list('issuer')).toHaveLength(1)
  })
})
