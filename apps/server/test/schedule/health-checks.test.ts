import { createServer, type Server } from 'node:tls'
import { createCsr, fingerprintOf, generateKey } from '@certctl/pki'
import { createTestCa, type TestCa } from '@certctl/testing'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { followTargets } from '../../src/inventory/auto-health-checks.js'
import { createHealthCheck } from '../../src/inventory/create-health-check.js'
import { getHealthCheck, healthHistory, summarizeHealthChecks } from '../../src/inventory/list-health-checks.js'
import { recordHealth } from '../../src/inventory/record-health.js'
import { deleteHealthCheck, updateHealthCheck } from '../../src/inventory/update-health-check.js'
import { healthChecks } from '../../src/schedule/health-checks.js'
import { operator, served, withScene } from '../lifecycle/scene.js'
import { createTestServices, type TestServices, type TestServicesOptions } from '../postgres.js'

const never = new AbortController().signal
const anywhere = { CERTCTL_HEALTH_CHECK_ENABLED: 'true', CERTCTL_HEALTH_CHECK_ADDRESSES: 'any' }
const usual = { degraded_threshold: 2, down_threshold: 3, enabled: true, timeout_ms: 60_000 }
/** Where nobody else listens, nor takes a port that is free for a while. */
const ownAddress = '127.0.0.61'

interface Endpoint {
  text: string
  fingerprint: string
  hits(): number
  close(): Promise<void>
}

let ca: TestCa
beforeAll(async () => {
  ca = await createTestCa(new Date('2026-11-25T12:00:00Z'))
})

/** A real TLS server of loopback with a certificate of the throw-away CA for `localhost`. */
async function serve({ port: wanted = 0, address = '127.0.0.1' } = {}): Promise<Endpoint> {
  const { privateKeyPem } = await generateKey('EC-P256')
  const names = [{ type: 'dns' as const, value: 'localhost' }]
  const leafPem = await ca.sign(await createCsr({ privateKeyPem, names }))
  let hits = 0
  const server: Server = createServer({ key: privateKeyPem, cert: leafPem + ca.intermediatePem }, (socket) =>
    socket.end(),
  )
  server.on('connection', () => (hits += 1)).on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(wanted, address, resolve))
  const { port } = server.address() as { port: number }
  return {
    text: `${address === ownAddress ? address : 'localhost'}:${port}`,
    fingerprint: fingerprintOf(leafPem),
    hits: () => hits,
    close: async () => await new Promise<void>((resolve) => void server.close(() => resolve())),
  }
}

/** Services whose issuer knows the throw-away CA: what it signed is of a known CA. */
async function servicesKnowing(options: TestServicesOptions = {}): Promise<TestServices> {
  const services = await createTestServices({ environment: anywhere, ...options })
  const issuer = { connector: { caCertificates: async () => [ca.rootPem] } }
  const connections = { list: async () => [{ id: 'iss', available: true }], issuer: async () => issuer }
  return { ...services, connections: { ...services.connections, ...connections } as never }
}

describe('health checks', () => {
  let services: TestServices
  let endpoint: Endpoint
  beforeEach(async () => {
    services = await servicesKnowing()
    endpoint = await serve()
  })
  afterEach(async () => {
    await endpoint.close()
    await services.close()
  })

  const add = async (over: object = {}) =>
    await createHealthCheck(services, { given: { endpoint: endpoint.text, ...usual, ...over }, actor: operator })
  const look = async () => {
    await healthChecks.run(services, never)
    services.clock.advance(400)
  }
  const statusOf = async (id: string) => (await getHealthCheck(services, id)).status
  const events = async () =>
    (await services.store.events.page({}, { limit: 50, count: false })).rows
      .map(({ type, severity, resolved_at }) => `${type} ${severity}${resolved_at === null ? '' : ' resolved'}`)
      .toReversed()

  it('find a good endpoint healthy and say what they saw', async () => {
    const { id } = await add()
    await look()
    expect(await getHealthCheck(services, id)).toMatchObject({
      status: 'healthy',
      observed_fingerprint: endpoint.fingerprint,
      tls_version: 'TLSv1.3',
      cert_issuer: expect.stringContaining('Throw-away Issuing CA'),
      failure_reason: '',
      consecutive_failures: 0,
    })
    expect(await events()).toEqual(['endpoint.healthy info'])
    expect(await summarizeHealthChecks(services)).toMatchObject({ healthy: 1, total: 1 })
  })

  it('ask CAs for their certificates once where there is something to look at, else not at all', async () => {
    let asked = 0
    const list = async () => {
      asked += 1
      return await services.connections.list('issuer')
    }
    const counted = { ...services, connections: { ...services.connections, list } as never }
    await healthChecks.run(counted, never)
    expect(asked).toBe(0)
    await add()
    await add()
    await healthChecks.run(counted, never)
    expect(asked).toBe(1)
  })

  it('are not content with a certificate that was revoked here', async () => {
    const { id } = await add()
    const revoked = { id: 'v-1', chain_pem: ca.intermediatePem, revoked_at: services.clock.now() }
    const versions = { findByFingerprint: async () => revoked, getWithDer: async () => revoked }
    services = { ...services, store: Object.assign(Object.create(services.store), { versions }) }
    await look()
    expect(await getHealthCheck(services, id)).toMatchObject({
      failure_reason: expect.stringContaining('was revoked at 2026'),
    })
  })

  /** Instead of the usual one, where it is to fall silent. */
  const serveAlone = async () => {
    await endpoint.close()
    endpoint = await serve({ address: ownAddress })
  }

  it('tell of an endpoint that falls silent when it degrades and when it is down, and that it is back', async () => {
    await serveAlone()
    const { id } = await add({ server_name: 'localhost' })
    await look()
    await endpoint.close()
    const states: string[] = []
    for (let round = 0; round < 4; round += 1) {
      await look()
      states.push(await statusOf(id))
    }
    expect(states).toEqual(['healthy', 'degraded', 'down', 'down'])
    endpoint = await serve({ port: Number(endpoint.text.split(':')[1]), address: ownAddress })
    await look()
    expect(await statusOf(id)).toBe('healthy')
    expect(await events()).toEqual([
      'endpoint.healthy info',
      'endpoint.degraded warning resolved',
      'endpoint.down critical resolved',
      'endpoint.healthy info',
    ])
    const { data, total } = await healthHistory(services, { id, limit: 3 })
    expect([total, data.map(({ status }) => status)]).toEqual([6, ['healthy', 'down', 'down']])
  })

  it('write every change of state into the record, and nothing where there was none', async () => {
    await serveAlone()
    await add({ server_name: 'localhost' })
    await look()
    await look()
    await endpoint.close()
    for (let round = 0; round < 4; round += 1) await look()
    const entries = await services.store.auditEvents.list({ action: 'health_check.changed' }, { limit: 50 })
    const states = entries.map(({ canonical }) => /"to":"(\w+)"/.exec(canonical)?.[1])
    expect(states.toSorted()).toEqual(['degraded', 'down', 'healthy'])
  })

  it('meet an expected fingerprint that is another as a mismatch, at once', async () => {
    const { id } = await add({ expected_fingerprint: 'ab'.repeat(32) })
    await look()
    expect(await getHealthCheck(services, id)).toMatchObject({
      status: 'cert_mismatch',
      failure_reason: expect.stringContaining('instead of abab'),
    })
    expect(await events()).toEqual(['endpoint.cert_mismatch critical'])
  })

  it('find an endpoint whose CA nobody knows degraded at once', async () => {
    const plain = await createTestServices({
      environment: anywhere,
      database: services.database,
      clock: services.clock,
    })
    const { id } = await add()
    await healthChecks.run(plain, never)
    expect(await getHealthCheck(services, id)).toMatchObject({
      status: 'degraded',
      failure_reason: expect.stringContaining('leads to no CA that is trusted or known here'),
    })
    await plain.close()
  })

  it('judge the name that is sent as SNI where one is given', async () => {
    const named = await add({ server_name: 'other.example.test' })
    await look()
    expect((await getHealthCheck(services, named.id)).failure_reason).toBe(
      'Its certificate is not for other.example.test',
    )
  })

  it('are shared by copies: each is looked at once per interval', async () => {
    const copy = await servicesKnowing({ database: services.database, clock: services.clock, serverId: 'copy' })
    for (let index = 0; index < 12; index += 1) await add({ id: `hc-${index}` })
    await Promise.all([healthChecks.run(services, never), healthChecks.run(copy, never)])
    expect(endpoint.hits()).toBe(12)
    await Promise.all([healthChecks.run(services, never), healthChecks.run(copy, never)])
    expect(endpoint.hits()).toBe(12)
    services.clock.advance(400)
    await healthChecks.run(copy, never)
    expect(endpoint.hits()).toBe(24)
    await copy.close()
  })

  it('of a copy that was overtaken are thrown away', async () => {
    const { id } = await add()
    const now = services.clock.now()
    const stale = await services.store.healthChecks.claimDue({ now, claim: 'old', spread: 0 })
    await services.store.healthChecks.update(id, { next_check_at: now })
    await look()
    const silent = { verdict: { outcome: 'silent', reason: 'late' }, responseMs: 1 } as const
    await recordHealth(services, stale as never, silent)
    expect((await getHealthCheck(services, id)).failure_reason).toBe('')
  })

  it('that are switched off, changed or deleted close what was told of them', async () => {
    const wrong = { expected_fingerprint: 'ab'.repeat(32) }
    const [one, two] = [await add({ id: 'hc-1', ...wrong }), await add({ id: 'hc-2', ...wrong })]
    await look()
    const change = { actor: operator, check: () => undefined }
    await updateHealthCheck(services, { id: one.id, changes: { expected_fingerprint: '' }, ...change })
    expect(await statusOf(one.id)).toBe('unknown')
    await deleteHealthCheck(services, { id: two.id, actor: operator })
    expect((await events()).filter((text) => text.startsWith('endpoint.cert_mismatch'))).toEqual([
      'endpoint.cert_mismatch critical resolved',
      'endpoint.cert_mismatch critical resolved',
    ])
    await updateHealthCheck(services, { id: one.id, changes: { enabled: false }, ...change })
    await look()
    expect(await statusOf(one.id)).toBe('unknown')
  })

  it('lead to this machine only where a setting allows it', async () => {
    const careful = await createTestServices({
      environment: { CERTCTL_HEALTH_CHECK_ENABLED: 'true' },
      database: services.database,
      clock: services.clock,
    })
    const { id } = await add({ degraded_threshold: 1 })
    await healthChecks.run(careful, never)
    expect((await getHealthCheck(services, id)).failure_reason).toContain('may not be contacted from here')
    expect(endpoint.hits()).toBe(0)
    await careful.close()
  })

  it('that nobody works off say so', async () => {
    const off = await createTestServices({ database: services.database, clock: services.clock })
    const { id } = await add()
    await healthChecks.run(off, never)
    const view = await getHealthCheck(off, id)
    expect([view.failure_reason, view.next_check_at, endpoint.hits()]).toEqual([
      'Nobody looks: set CERTCTL_HEALTH_CHECK_ENABLED=true on the server',
      undefined,
      0,
    ])
    await off.close()
  })
})

describe('endpoints that targets name', () => {
  const environment = { CERTCTL_HEALTH_CHECK_ENABLED: 'true' }
  const config = {
    endpoints: [
      { host: 'www.example.test', port: 8443 },
      { host: 'mail.example.test', port: 25, startTls: 'smtp' },
      { host: '127.0.0.1', port: 443 },
    ],
  }

  it('get a check each once something is deployed there, lose it with the target, and stay deleted when a person deletes it', async () => {
    await withScene({}, async (scene) => {
      const services = await createTestServices({
        environment,
        database: scene.services.database,
        clock: scene.services.clock,
      })
      const all = async () => (await services.store.healthChecks.page({}, { limit: 9, count: false })).rows
      const { id } = await served(scene)
      await followTargets(services, never)
      expect(await all()).toEqual([])
      await services.store.targets.update('target-a', { config: JSON.stringify(config) })
      await followTargets(services, never)
      await followTargets(services, never)
      expect(await all()).toMatchObject([
        { endpoint: 'www.example.test:8443', certificate_id: id, target_id: 'target-a', source: 'auto' },
      ])
      const [check] = await all()
      await deleteHealthCheck(services, { id: check?.id ?? '', actor: operator })
      await followTargets(services, never)
      expect(await all()).toEqual([])
      await services.store.targets.update('target-a', { config: '{}' })
      await followTargets(services, never)
      await services.store.targets.update('target-a', { config: JSON.stringify(config) })
      await followTargets(services, never)
      expect(await all()).toHaveLength(1)
      await services.close()
    })
  })

  it('expect what any holder of the certificate has now, or was deployed last', async () => {
    await withScene({}, async (scene) => {
      const { id, fingerprint } = await served(scene)
      expect(await scene.services.store.healthChecks.listExpected(id)).toEqual([fingerprint])
    })
  })
})
