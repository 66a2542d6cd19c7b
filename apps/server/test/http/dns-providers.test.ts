import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createRegistry,
  type DnsConnector,
  defineDns,
  defineIssuer,
  type Host,
  type IssuerHost,
  type Registry,
  scriptPath,
  secret,
  z,
} from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { syncEnvironmentInstances } from '../../src/connectors/environment-instances.js'
import { createTestApp, type TestApp } from './test-app.js'

/** A zone that lives here, and a program that would be run. */
function zonesDefinition(seen: Seen) {
  return defineDns({
    type: 'Zones',
    aliases: ['zone-file'],
    displayName: 'Zones of the tests',
    configSchema: z.strictObject({
      zone: z.string().describe('Zone that is written.'),
      token: secret().optional().describe('Credential.'),
      script: scriptPath().optional().describe('Program that is run.'),
    }),
    environment: [
      {
        id: 'dns-zones',
        name: 'Zones',
        when: 'CERTCTL_ZONES',
        variables: { zone: 'CERTCTL_ZONES', script: 'CERTCTL_ZONES_SCRIPT' },
      },
    ],
    capabilities: {},
    create: (config, host) => connectorOf({ config, host, seen }),
  })
}

interface Seen {
  records: string[]
  closed: string[]
  hosts: Host[]
}

function connectorOf({
  config,
  host,
  seen,
}: {
  config: { zone: string; token?: { reveal(): string } | undefined }
  host: Host
  seen: Seen
}): DnsConnector {
  seen.hosts.push(host)
  return {
    async present({ name, value }) {
      await host.state.put('last', value)
      host.log.info('presented', { token: config.token?.reveal() })
      if (value === 'refused') throw new Error(`the zone refuses ${config.token?.reveal()}`)
      seen.records.push(`${config.zone} ${name} ${value}`)
    },
    async cleanUp({ name, value }) {
      seen.records.splice(seen.records.indexOf(`${config.zone} ${name} ${value}`), 1)
    },
    async test() {
      if (config.zone === 'broken.test') throw new Error(`nobody answers for ${config.token?.reveal()}`)
      return { detail: `${config.zone} can be written` }
    },
    close: async () => void seen.closed.push(config.zone),
  }
}

/** Hands its host to the test. */
function issuerDefinition(hosts: Map<string, IssuerHost>) {
  return defineIssuer({
    type: 'Prover',
    displayName: 'A CA that wants proof',
    configSchema: z.strictObject({
      dns_provider: z.string().optional().describe('Who writes records.'),
      hook: scriptPath().optional().describe('Program that is run.'),
      hooks: z.array(scriptPath()).optional().describe('Further programs.'),
    }),
    environment: [
      { id: 'iss-prover', name: 'Prover', when: 'CERTCTL_PROVER_HOOK', variables: { hook: 'CERTCTL_PROVER_HOOK' } },
    ],
    capabilities: { operations: [], names: ['dns'], honours: [], revocationReasons: [], metered: false },
    create(_, host) {
      hosts.set(host.instance.id, host)
      return { issue: async () => ({ status: 'invalid' as const, orderId: 'x', reason: 'a fake' }) }
    },
  })
}

let seen: Seen
let hosts: Map<string, IssuerHost>
let folder: string
let app: TestApp

function registryOf(): Registry {
  const registry = createRegistry()
  registry.add({ kind: 'dns', definition: zonesDefinition(seen), package: 'dns-zones', version: '1' })
  registry.add({ kind: 'issuer', definition: issuerDefinition(hosts), package: 'issuer-prover', version: '1' })
  return registry
}

beforeEach(async () => {
  seen = { records: [], closed: [], hosts: [] }
  hosts = new Map()
  folder = await realpath(await mkdtemp(join(tmpdir(), 'certctl-scripts-')))
  await mkdir(join(folder, 'scripts', 'deeper'), { recursive: true })
  for (const path of ['scripts/in.sh', 'scripts/deeper/in.sh', 'out.sh']) {
    await writeFile(join(folder, path), '#!/bin/true\n')
    await chmod(join(folder, path), 0o755)
  }
  app = await createTestApp({ registry: registryOf(), environment: { CERTCTL_SCRIPTS_DIR: join(folder, 'scripts') } })
})
afterEach(async () => {
  await app.close()
  await rm(folder, { recursive: true })
})

const path = '/api/v1/dns-providers'
const internal = {
  id: 'dns-int',
  name: 'Internal',
  type: 'zone-file',
  config: { zone: 'a.test', token: 'canary-dns-token' },
}
const signal = new AbortController().signal
const record = (value: string) => ({
  name: '_acme-challenge.a.test',
  value,
  ttlSeconds: 60,
  context: { domain: 'a.test' },
  signal,
})

async function addIssuer(config: object = {}, id = 'iss-one') {
  return await app.admin('POST', '/api/v1/issuers', { id, name: id, type: 'Prover', config })
}

async function hostOf(id = 'iss-one'): Promise<IssuerHost> {
  await app.services.connections.issuer(id)
  const host = hosts.get(id)
  if (host === undefined) throw new Error(`${id} was not opened`)
  return host
}

describe('DNS providers', () => {
  it('are made, listed, changed, tested and removed like other connections', async () => {
    const made = await app.admin('POST', path, internal)
    expect(made).toMatchObject({
      status: 201,
      json: { id: 'dns-int', type: 'Zones', available: true, config: { zone: 'a.test', token: '********' } },
    })
    expect((await app.admin('GET', `${path}?type=zones`)).json).toMatchObject({ total: 1, data: [{ id: 'dns-int' }] })
    expect((await app.admin('GET', `${path}/dns-int`)).json).toMatchObject({ test_status: 'untested' })
    expect(await app.admin('POST', `${path}/dns-int/test`, {})).toMatchObject({
      status: 200,
      json: { detail: 'a.test can be written' },
    })
    const changed = await app.admin('PUT', `${path}/dns-int`, {
      ...made.json,
      config: { zone: 'broken.test', token: '********' },
    })
    expect(changed).toMatchObject({ status: 200, json: { config: { zone: 'broken.test' }, test_status: 'success' } })
    const failed = await app.admin('POST', `${path}/dns-int/test`, {})
    expect(failed).toMatchObject({
      status: 422,
      json: {
        code: 'connection_failed',
        detail: expect.stringContaining('The DNS provider "dns-int" does not work: nobody answers'),
      },
    })
    expect(failed.text).not.toContain('canary-dns-token')
    expect((await app.admin('DELETE', `${path}/dns-int`)).status).toBe(204)
    expect((await app.admin('GET', `${path}/dns-int`)).json).toMatchObject({
      code: 'not_found',
      detail: 'No DNS provider "dns-int"; list them with GET /api/v1/dns-providers',
    })
  })

  it('have ids of their own kind, and are neither issuers nor notifiers', async () => {
    const { json } = await app.admin('POST', path, { name: 'x', type: 'Zones', config: { zone: 'a.test' } })
    expect(json.id).toMatch(/^dns-/)
    expect((await app.admin('GET', `/api/v1/issuers/${json.id}`)).status).toBe(404)
    expect(
      (await app.admin('POST', path, { name: 'X', type: 'Zones', config: { zone: 'a.test' } })).json.detail,
    ).toMatch(/already a DNS provider named/)
    expect((await app.admin('POST', path, { name: 'y', type: 'Zonez' })).json).toMatchObject({
      errors: [
        { field: 'type', message: 'there is no DNS provider connector "Zonez" on this server; there are: Zones' },
      ],
    })
  })

  it('write an entry of the record for all that is done to them, without secrets', async () => {
    await app.admin('POST', path, internal)
    await app.admin('PUT', `${path}/dns-int`, { enabled: false })
    await app.admin('POST', `${path}/dns-int/test`, {})
    await app.admin('DELETE', `${path}/dns-int`)
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
    expect((await app.admin('GET', `${path}/dns-zones`)).json).toMatchObject({
      source: 'env',
      enabled: true,
      config: { zone: 'env.test' },
    })
    expect((await app.admin('PUT', `${path}/dns-zones`, { name: 'z' })).json).toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('The DNS provider "dns-zones" comes from the server'),
    })
    await syncEnvironmentInstances(services, {})
    expect((await app.admin('GET', `${path}/dns-zones`)).json).toMatchObject({ enabled: false })
  })
})

describe('an issuer', () => {
  it('has a configured provider by its id, as it is configured now', async () => {
    await app.admin('POST', path, internal)
    await addIssuer({ dns_provider: 'dns-int' })
    const host = await hostOf()
    const dns = await host.dns('dns-int')
    await dns.present(record('one'))
    expect(seen.records).toEqual(['a.test _acme-challenge.a.test one'])
    await app.admin('PUT', `${path}/dns-int`, { config: { zone: 'b.test' } })
    await (await host.dns('dns-int')).present(record('two'))
    expect(seen.records).toEqual(['a.test _acme-challenge.a.test one', 'b.test _acme-challenge.a.test two'])
    await dns.cleanUp(record('one'))
    expect(seen.records).toEqual(['b.test _acme-challenge.a.test two'])
  })

  it('cannot close what others use', async () => {
    await app.admin('POST', path, internal)
    await addIssuer()
    const dns = await (await hostOf()).dns('dns-int')
    await dns.close?.()
    expect(seen.closed).toEqual([])
  })

  it('is refused a provider that is disabled or not there, with what to do', async () => {
    await app.admin('POST', path, { ...internal, enabled: false })
    await addIssuer()
    const host = await hostOf()
    await expect(host.dns('dns-int')).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/is disabled; enable it: certctl dns-providers update dns-int --enable/),
    })
    await expect(host.dns('dns-none')).rejects.toMatchObject({ code: 'not_found' })
    await expect(host.dns({ type: 'Nothing', config: {} })).rejects.toMatchObject({ code: 'unsupported' })
    await expect(host.dns({ type: 'Zones', config: { zonk: 1 } })).rejects.toMatchObject({ code: 'config_invalid' })
  })

  it('may make a provider from settings of its own, once, with its own sealed state, closed with the issuer', async () => {
    await addIssuer()
    await addIssuer({}, 'iss-two')
    const host = await hostOf()
    const inline = { type: 'zones', config: { zone: 'inline.test', token: 'canary-inline-token' } }
    await (await host.dns(inline)).present(record('one'))
    await (await host.dns(inline)).present(record('two'))
    await (await (await hostOf('iss-two')).dns(inline)).present(record('of-two'))
    expect(seen.hosts).toHaveLength(2)
    expect(await seen.hosts[0]?.state.get('last')).toMatchObject({ value: 'two' })
    expect(await seen.hosts[1]?.state.get('last')).toMatchObject({ value: 'of-two' })
    expect(await host.state.get('last')).toBeUndefined()
    await expect((await host.dns(inline)).present(record('refused'))).rejects.toThrow('the zone refuses ********')
    expect(JSON.stringify(app.services.logged)).not.toContain('canary-inline-token')
    await app.services.connections.close()
    expect(seen.closed).toEqual(['inline.test', 'inline.test'])
  })

  it('leaves no state of such a provider behind when it is removed', async () => {
    await addIssuer()
    await (await (await hostOf()).dns({ type: 'zones', config: { zone: 'inline.test' } })).present(record('one'))
    await app.admin('DELETE', '/api/v1/issuers/iss-one')
    expect(await seen.hosts[0]?.state.get('last')).toBeUndefined()
  })

  it('that names a provider keeps it from being removed, and none that is not there can be named', async () => {
    expect((await addIssuer({ dns_provider: 'dns-int' })).json).toMatchObject({
      code: 'request_malformed',
      errors: [
        { field: 'config.dns_provider', message: expect.stringContaining('there is no DNS provider "dns-int"') },
      ],
    })
    await app.admin('POST', path, internal)
    expect((await addIssuer({ dns_provider: 'dns-int' })).status).toBe(201)
    expect(
      (await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { dns_provider: 'dns-none' } })).json,
    ).toMatchObject({ code: 'request_malformed' })
    const refused = await app.admin('DELETE', `${path}/dns-int`)
    expect(refused).toMatchObject({
      status: 409,
      json: {
        detail: 'The DNS provider "dns-int" is in use by issuers iss-one; change them first',
        errors: [{ field: 'issuers', message: 'iss-one' }],
      },
    })
    expect((await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { dns_provider: null } })).status).toBe(200)
    expect((await app.admin('DELETE', `${path}/dns-int`)).status).toBe(204)
  })
})

describe('scripts given over the API', () => {
  const script = (name: string) => join(folder, name)

  it('are taken from the directory for scripts, and from below it', async () => {
    expect((await addIssuer({ hook: script('scripts/in.sh'), hooks: [script('scripts/deeper/in.sh')] })).status).toBe(
      201,
    )
    expect(
      (await app.admin('POST', path, { ...internal, config: { zone: 'a.test', script: script('scripts/in.sh') } }))
        .status,
    ).toBe(201)
  })

  it.each([
    ['another directory', 'out.sh', /over the API only scripts inside .*scripts \(CERTCTL_SCRIPTS_DIR\)/],
    ['another directory by a link', 'scripts/link.sh', /link.sh, which is .*out.sh; over the API/],
    ['another directory by a linked directory', 'scripts/away/out.sh', /which is .*out.sh; over the API/],
    ['a directory whose name begins alike', 'scripts-too/in.sh', /over the API only/],
    ['nowhere', 'scripts/none.sh', /does not exist on the server/],
  ])('are refused from %s', async (_, name, message) => {
    await symlink(script('out.sh'), script('scripts/link.sh'))
    await symlink(folder, script('scripts/away'))
    await mkdir(script('scripts-too'))
    await writeFile(script('scripts-too/in.sh'), '')
    const fault = { field: 'config.hook', message: expect.stringMatching(message) }
    expect((await addIssuer({ hook: script(name) })).json).toMatchObject({ code: 'config_invalid', errors: [fault] })
    expect((await addIssuer({ hooks: [script('scripts/in.sh'), script(name)] })).json).toMatchObject({
      errors: [{ field: 'config.hooks.1' }],
    })
    expect(
      (await app.admin('POST', path, { ...internal, config: { zone: 'a.test', script: script(name) } })).json,
    ).toMatchObject({ errors: [{ field: 'config.script' }] })
    expect(hosts.size + seen.hosts.length).toBe(0)
  })

  it('are refused in changes, and in what an issuer makes of its own settings', async () => {
    await addIssuer({ hook: script('scripts/in.sh') })
    expect(
      (await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { hook: script('out.sh') } })).json,
    ).toMatchObject({ code: 'config_invalid' })
    const inline = { type: 'zones', config: { zone: 'a.test', script: script('out.sh') } }
    await expect((await hostOf()).dns(inline)).rejects.toMatchObject({ code: 'config_invalid' })
  })

  it('are not used any more where they led elsewhere meanwhile', async () => {
    await addIssuer({ hook: script('scripts/in.sh') })
    await rm(script('scripts/in.sh'))
    await symlink(script('out.sh'), script('scripts/in.sh'))
    await expect(app.services.connections.issuer('iss-one')).rejects.toMatchObject({ code: 'config_invalid' })
    expect((await app.admin('GET', '/api/v1/issuers/iss-one')).json).toMatchObject({
      available: false,
      unavailable_reason: expect.stringContaining('CERTCTL_SCRIPTS_DIR'),
    })
  })

  it('are refused altogether where no directory is set; those of the environment are trusted', async () => {
    const bare = await createTestApp({ registry: registryOf() })
    try {
      const body = { name: 'x', type: 'Prover', config: { hook: script('scripts/in.sh') } }
      expect((await bare.admin('POST', '/api/v1/issuers', body)).json.detail).toMatch(
        /none may be given over the API until CERTCTL_SCRIPTS_DIR is set/,
      )
      const { services } = bare
      const now = services.clock.now()
      await services.store.servers.insert({
        id: services.server.id,
        hostname: 'h',
        version: '1',
        environment: {},
        started_at: now,
        heartbeat_at: now,
      })
      await syncEnvironmentInstances(services, {
        CERTCTL_PROVER_HOOK: script('out.sh'),
        CERTCTL_ZONES: 'z.test',
        CERTCTL_ZONES_SCRIPT: script('out.sh'),
      })
      expect((await bare.admin('GET', '/api/v1/issuers/iss-prover')).json).toMatchObject({ available: true })
      const { connector } = await services.connections.issuer('iss-prover')
      expect(connector).toBeDefined()
      await hosts.get('iss-prover')?.dns({ type: 'zones', config: { zone: 'a.test', script: script('out.sh') } })
      await services.connections.dns('dns-zones')
    } finally {
      await bare.close()
    }
  })
})
