import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { syncEnvironmentInstances } from '../../src/connectors/environment-instances.js'
import { createDnsScene, type DnsScene, dnsPath, internal, type Seen } from './dns-scene.js'
import type { TestApp } from './test-app.js'

let app: TestApp
let scene: DnsScene
let seen: Seen

beforeEach(async () => {
  scene = await createDnsScene()
  ;({ app, seen } = scene)
})
afterEach(async () => await scene.close())

const signal = new AbortController().signal
const record = (value: string) => ({
  name: '_acme-challenge.a.test',
  value,
  ttlSeconds: 60,
  context: { domain: 'a.test' },
  signal,
})

describe('DNS providers', () => {
  it('are made, listed, changed, tested and removed like other connections', async () => {
    const made = await app.admin('POST', dnsPath, internal)
    expect(made).toMatchObject({
      status: 201,
      json: { id: 'dns-int', type: 'Zones', available: true, config: { zone: 'a.test', token: '********' } },
    })
    expect((await app.admin('GET', `${dnsPath}?type=zones`)).json).toMatchObject({
      total: 1,
      data: [{ id: 'dns-int' }],
    })
    expect((await app.admin('GET', `${dnsPath}/dns-int`)).json).toMatchObject({ test_status: 'untested' })
    expect(await app.admin('POST', `${dnsPath}/dns-int/test`, {})).toMatchObject({
      status: 200,
      json: { detail: 'a.test can be written' },
    })
    const changed = await app.admin('PUT', `${dnsPath}/dns-int`, {
      ...made.json,
      config: { zone: 'broken.test', token: '********' },
    })
    expect(changed).toMatchObject({ status: 200, json: { config: { zone: 'broken.test' }, test_status: 'untested' } })
    const failed = await app.admin('POST', `${dnsPath}/dns-int/test`, {})
    expect(failed).toMatchObject({
      status: 422,
      json: {
        code: 'connection_failed',
        detail: expect.stringContaining('The DNS provider "dns-int" does not work: nobody answers'),
      },
    })
    expect(failed.text).not.toContain('canary-dns-token')
    expect((await app.admin('DELETE', `${dnsPath}/dns-int`)).status).toBe(204)
    expect((await app.admin('GET', `${dnsPath}/dns-int`)).json).toMatchObject({
      code: 'not_found',
      detail: 'No DNS provider "dns-int"; list them with GET /api/v1/dns-providers',
    })
  })

  it('have ids of their own kind, and are neither issuers nor notifiers', async () => {
    const { json } = await app.admin('POST', dnsPath, { name: 'x', type: 'Zones', config: { zone: 'a.test' } })
    expect(json.id).toMatch(/^dns-/)
    expect((await app.admin('GET', `/api/v1/issuers/${json.id}`)).status).toBe(404)
    expect(
      (await app.admin('POST', dnsPath, { name: 'X', type: 'Zones', config: { zone: 'a.test' } })).json.detail,
    ).toMatch(/already a DNS provider named/)
    expect((await app.admin('POST', dnsPath, { name: 'y', type: 'Zonez' })).json).toMatchObject({
      errors: [
        { field: 'type', message: 'there is no DNS provider connector "Zonez" on this server; there are: Zones' },
      ],
    })
  })

  it('write an entry of the record for all that is done to them, without secrets', async () => {
    await app.admin('POST', dnsPath, internal)
    await app.admin('PUT', `${dnsPath}/dns-int`, { enabled: false })
    await app.admin('POST', `${dnsPath}/dns-int/test`, {})
    await app.admin('DELETE', `${dnsPath}/dns-int`)
    const { json, text } = await app.admin('GET', '/api/v1/audit?resource_type=dns_provider')
    expect((json.data ?? []).map(({ action }) => action).toSorted()).toEqual([
      'dns_provider.created',
      'dns_provider.deleted',
      'dns_provider.tested',
      'dns_provider.updated',
    ])
    expect(text).not.toContain('canary-dns-token')
  })

  it('have their schema among the connector types', async () => {
    const { json } = await app.admin('GET', '/api/v1/connector-types?kind=dns')
    expect(json.data).toMatchObject([
      { kind: 'dns', type: 'Zones', where: ['server'], schema: { properties: { script: { 'x-certctl': 'script' } } } },
    ])
  })

  it('come from the environment as well, and are disabled when it names them no more', async () => {
    const { services } = app
    const now = services.clock.now()
    await services.store.servers.insert({
      id: services.server.id,
      hostname: 'h',
      version: '1',
      environment: {},
      started_at: now,
      heartbeat_at: now,
    })
    await syncEnvironmentInstances(services, { CERTCTL_ZONES: 'env.test' })
    expect((await app.admin('GET', `${dnsPath}/dns-zones`)).json).toMatchObject({
      source: 'env',
      enabled: true,
      config: { zone: 'env.test' },
    })
    expect((await app.admin('PUT', `${dnsPath}/dns-zones`, { name: 'z' })).json).toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('The DNS provider "dns-zones" comes from the server'),
    })
    await syncEnvironmentInstances(services, {})
    expect((await app.admin('GET', `${dnsPath}/dns-zones`)).json).toMatchObject({ enabled: false })
  })
})

describe('an issuer', () => {
  it('has a configured provider by its id, as it is configured now', async () => {
    await app.admin('POST', dnsPath, internal)
    await scene.addIssuer({ dns_provider: 'dns-int' })
    const host = await scene.hostOf()
    const dns = await host.dns('dns-int')
    await dns.present(record('one'))
    expect(seen.records).toEqual(['a.test _acme-challenge.a.test one'])
    await app.admin('PUT', `${dnsPath}/dns-int`, { config: { zone: 'b.test' } })
    await (await host.dns('dns-int')).present(record('two'))
    expect(seen.records).toEqual(['a.test _acme-challenge.a.test one', 'b.test _acme-challenge.a.test two'])
    await dns.cleanUp(record('one'))
    expect(seen.records).toEqual(['b.test _acme-challenge.a.test two'])
  })

  it('is not held up as a whole by a limit of the provider: only the order that met it waits', async () => {
    await app.admin('POST', dnsPath, internal)
    await scene.addIssuer()
    const dns = await (await scene.hostOf()).dns('dns-int')
    await expect(dns.present(record('too many'))).rejects.toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: 60,
      isNarrow: true,
    })
  })

  it('cannot close what others use', async () => {
    await app.admin('POST', dnsPath, internal)
    await scene.addIssuer()
    const dns = await (await scene.hostOf()).dns('dns-int')
    await dns.close?.()
    expect(seen.closed).toEqual([])
  })

  it('is refused a provider that is disabled or not there, with what to do', async () => {
    await app.admin('POST', dnsPath, { ...internal, enabled: false })
    await scene.addIssuer()
    const host = await scene.hostOf()
    await expect(host.dns('dns-int')).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/is disabled; enable it: certctl dns-providers update dns-int --enable/),
    })
    await expect(host.dns('dns-none')).rejects.toMatchObject({ code: 'not_found' })
    await expect(host.dns({ type: 'Nothing', config: {} })).rejects.toMatchObject({ code: 'unsupported' })
    await expect(host.dns({ type: 'Zones', config: { zonk: 1 } })).rejects.toMatchObject({ code: 'config_invalid' })
  })

  it('may make a provider from settings of its own, once, with its own sealed state, closed with the issuer', async () => {
    await scene.addIssuer()
    await scene.addIssuer({}, 'iss-two')
    const host = await scene.hostOf()
    const inline = { type: 'zones', config: { zone: 'inline.test', token: 'canary-inline-token' } }
    await (await host.dns(inline)).present(record('one'))
    await (await host.dns(inline)).present(record('two'))
    await (await (await scene.hostOf('iss-two')).dns(inline)).present(record('of-two'))
    expect(seen.hosts).toHaveLength(2)
    expect(await seen.hosts[0]?.state.get('last')).toMatchObject({ value: 'two' })
    expect(await seen.hosts[1]?.state.get('last')).toMatchObject({ value: 'of-two' })
    expect(await host.state.get('last')).toBeUndefined()
    await expect((await host.dns(inline)).present(record('refused'))).rejects.toThrow('the zone refuses ********')
    expect(JSON.stringify(app.services.logged)).not.toContain('canary-inline-token')
    await app.services.connections.close()
    expect(seen.closed).toEqual(['inline.test', 'inline.test'])
  })

  it('shares such a provider with all who use it at a time, until the last of them closes it', async () => {
    await scene.addIssuer()
    const host = await scene.hostOf()
    const inline = { type: 'zones', config: { zone: 'inline.test' } }
    const [first, second] = [await host.dns(inline), await host.dns(inline)]
    await first.close?.()
    await first.close?.()
    const third = await host.dns(inline)
    expect([seen.hosts.length, seen.closed]).toEqual([1, []])
    await second.close?.()
    await third.close?.()
    expect(seen.closed).toEqual(['inline.test'])
    await (await host.dns(inline)).present(record('later'))
    expect(seen.hosts).toHaveLength(2)
  })

  it('leaves no state of such a provider behind when it is removed', async () => {
    await scene.addIssuer()
    await (await (await scene.hostOf()).dns({ type: 'zones', config: { zone: 'inline.test' } })).present(record('one'))
    await app.admin('DELETE', '/api/v1/issuers/iss-one')
    expect(await seen.hosts[0]?.state.get('last')).toBeUndefined()
  })

  it('that names a provider keeps it from being removed, and none that is not there can be named', async () => {
    expect((await scene.addIssuer({ dns_provider: 'dns-int' })).json).toMatchObject({
      code: 'request_malformed',
      errors: [
        { field: 'config.dns_provider', message: expect.stringContaining('there is no DNS provider "dns-int"') },
      ],
    })
    await app.admin('POST', dnsPath, internal)
    expect((await scene.addIssuer({ dns_provider: 'dns-int' })).status).toBe(201)
    expect(
      (await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { dns_provider: 'dns-none' } })).json,
    ).toMatchObject({ code: 'request_malformed' })
    const refused = await app.admin('DELETE', `${dnsPath}/dns-int`)
    expect(refused).toMatchObject({
      status: 409,
      json: {
        detail: 'The DNS provider "dns-int" is in use by issuers iss-one; change them first',
        errors: [{ field: 'issuers', message: 'iss-one' }],
      },
    })
    expect((await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { dns_provider: null } })).status).toBe(200)
    expect((await app.admin('DELETE', `${dnsPath}/dns-int`)).status).toBe(204)
  })
})
