import { createTestRecord, testDns } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import azure, { configSchema } from '../src/index.js'
import { missingActions } from '../src/permissions.js'
import { azureConfig, type FakeAzure, fakeAzure, federatedToken, tokenFile } from './fake-azure.js'

const { client_secret, ...application } = azureConfig
const { subscription_id, client_id } = azureConfig

describe('laws', () => {
  testDns({ test: it, definition: azure, config: azureConfig, createWorld: () => fakeAzure(), slug: 'azure' })
})

describe('laws with a workload identity, in one zone of one resource group', () => {
  const config = { ...application, federated_token_file: tokenFile, resource_group: 'dns', zone: 'example.test' }
  testDns({ test: it, definition: azure, config, createWorld: () => fakeAzure(['example.test']) })
})

describe('laws with a managed identity', () => {
  testDns({ test: it, definition: azure, config: { subscription_id }, createWorld: () => fakeAzure() })
})

type Changes = Record<string, unknown>
const connect = (world: FakeAzure, config: Changes = azureConfig) =>
  azure.create(configSchema.parse(config), world.host)
const record = createTestRecord('www.example.test', 1)
const { signal } = record
const tokensAsked = ({ requests }: FakeAzure) => requests.filter(({ path }) => path.endsWith('/token')).length
const refusalOf = async (world: FakeAzure, config: Changes = azureConfig) =>
  (await connect(world, config)
    .present(record)
    .catch((error: unknown) => error)) as Error & { code: string }

describe('who asks', () => {
  it('a token is asked for once and used until shortly before its end', async () => {
    const world = fakeAzure()
    const connector = connect(world)
    await connector.present(record)
    await connector.cleanUp(record)
    expect(tokensAsked(world)).toBe(1)
    world.host.clock.advance(3599 - 299)
    await connector.present(record)
    expect(tokensAsked(world)).toBe(2)
  })

  it('a kept token that was taken back is replaced within the call', async () => {
    const world = fakeAzure()
    const connector = connect(world)
    await connector.present(record)
    world.revokeTokens()
    await connector.cleanUp(record)
    expect(world.values(record.name)).toEqual([])
    expect(tokensAsked(world)).toBe(2)
  })

  it('a new token that is refused is not replaced again and again', async () => {
    const world = fakeAzure()
    const { http } = world.host
    const forgetful: typeof http = (options) => {
      const client = http(options)
      return {
        request(request) {
          if (request.path.toString().startsWith('/subscriptions')) world.revokeTokens()
          return client.request(request)
        },
      }
    }
    const connector = azure.create(configSchema.parse(azureConfig), { ...world.host, http: forgetful })
    await expect(connector.present(record)).rejects.toMatchObject({ code: 'upstream_rejected' })
    expect(tokensAsked(world)).toBe(1)
  })

  it.each([
    ['client_secret is wrong', { client_secret: 'another-secret' }, {}],
    ['client_secret has ended', {}, { secretState: 'ended' as const }],
    ['tenant_id is not a tenant', { tenant_id: 'elsewhere.example' }, {}],
    ['client_id is not an application', { client_id: subscription_id }, {}],
    ['compare subscription_id', { subscription_id: client_id }, {}],
    ['compare resource_group', { resource_group: 'no-such-group' }, {}],
  ])('the cause "%s" is named', async (cause, config, changes) => {
    const world = fakeAzure()
    world.set(changes)
    const refusal = await refusalOf(world, { ...azureConfig, ...config })
    expect(refusal.message).toContain(cause)
    expect(refusal.message).not.toContain(client_secret)
  })

  it('the file of a workload identity is read anew for each token', async () => {
    const world = fakeAzure()
    const config = { ...application, federated_token_file: tokenFile }
    const connector = connect(world, config)
    world.host.files.put(tokenFile, 'eyJhbGciOiJSUzI1NiJ9.b2xk.c2ln')
    await expect(connector.present(record)).rejects.toThrow('the federated token has ended')
    world.host.files.put(tokenFile, `${federatedToken}\n`)
    await connector.present(record)
    expect(world.values(record.name)).toEqual([record.value])
  })

  it('a file that holds no token is sent to nobody', async () => {
    const world = fakeAzure()
    world.host.files.put('/etc/shadow', 'root:$6$salt$hash:19000:0:99999:7:::')
    const refusal = await refusalOf(world, { ...application, federated_token_file: '/etc/shadow' })
    expect(refusal).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('holds no token') })
    expect(world.requests).toEqual([])
    expect(refusal.message).not.toContain('salt')
  })

  it('a managed identity that the machine has not is named, by its identifier where it has one', async () => {
    const world = fakeAzure()
    world.set({ managedIdentity: false })
    for (const config of [{ subscription_id }, { subscription_id, client_id }])
      expect((await refusalOf(world, config)).message).toContain('no such managed identity; assign it')
    expect(world.requests.map(({ query }) => query.get('client_id'))).toEqual([null, client_id])
  })
})

describe('which zone', () => {
  it('one among many pages is found', async () => {
    const world = fakeAzure([...Array.from({ length: 7 }, (_, index) => `zone-${index}.test`), 'example.test'])
    world.set({ zonesPerPage: 2 })
    await connect(world).present(record)
    expect(world.values(record.name)).toEqual([record.value])
  })

  it('a next page on another host is not followed', async () => {
    const world = fakeAzure()
    const body = { value: [], nextLink: 'https://evil.example/subscriptions/x' }
    const { http } = world.host
    const leading: typeof http = (options) => {
      const client = http(options)
      return {
        async request(request) {
          const response = await client.request(request)
          return request.path.toString().endsWith('/dnsZones') ? { ...response, json: () => body } : response
        },
      }
    }
    const connector = azure.create(configSchema.parse(azureConfig), { ...world.host, http: leading })
    await expect(connector.present(record)).rejects.toMatchObject({ code: 'policy_denied' })
  })

  it('two resource groups with the same zone need to be told apart', async () => {
    const world = fakeAzure()
    world.addZone('example.test', 'old')
    const refusal = await refusalOf(world)
    expect(refusal).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('set resource_group') })
    await connect(world, { ...azureConfig, resource_group: 'dns' }).present(record)
    expect(world.values(record.name)).toEqual([record.value])
  })

  it('a name outside the given zone is refused before anything is asked', async () => {
    const world = fakeAzure()
    const refusal = await refusalOf(world, { ...azureConfig, zone: 'child.example.test' })
    expect(refusal).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('is not in child.example.test'),
    })
    expect(world.requests).toEqual([])
  })

  it('zone and resource group together need no listing', async () => {
    const world = fakeAzure()
    await connect(world, { ...azureConfig, zone: 'example.test', resource_group: 'dns' }).present(record)
    expect(world.requests.map(({ method, path }) => `${method} ${path.split('/').at(-2)}`)).toEqual([
      'POST v2.0',
      'GET TXT',
      'PUT TXT',
    ])
  })

  it('a given zone that is not there is named', async () => {
    const refusal = await refusalOf(fakeAzure(), { ...azureConfig, zone: 'www.example.test', resource_group: 'dns' })
    expect(refusal).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('no such zone in the resource group'),
    })
  })

  it('the name of the zone itself is written as @', async () => {
    const world = fakeAzure()
    await connect(world).present({ ...record, name: 'example.test' })
    expect(world.requests.at(-1)?.path).toMatch(/\/TXT\/@$/)
    expect(world.values('example.test')).toEqual([record.value])
  })
})

describe('a record set of others', () => {
  it('keeps its time to live, its metadata and how values are cut', async () => {
    const world = fakeAzure()
    world.plant(record.name, [`v=long ${'x'.repeat(400)}`])
    world.mark(record.name, 7200, { owner: 'mail team' })
    const before = world.setOf(record.name)
    await connect(world).present({ ...record, ttlSeconds: 60 })
    expect(world.setOf(record.name)).toMatchObject({ ttl: 7200, metadata: { owner: 'mail team' } })
    await connect(world).cleanUp(record)
    expect(world.setOf(record.name)).toMatchObject({ ttl: 7200, metadata: before?.metadata, values: before?.values })
  })

  it('one that is new lives as long as was asked, and a second at least', async () => {
    const world = fakeAzure()
    await connect(world).present({ ...record, ttlSeconds: 0 })
    expect(world.setOf(record.name)?.ttl).toBe(1)
  })

  it('a writer who is always overtaken gives up, and says so', async () => {
    const world = fakeAzure()
    const { http } = world.host
    let overtaken = 0
    const overtaking: typeof http = (options) => {
      const client = http(options)
      return {
        request(request) {
          if (request.method === 'PUT') world.plant(record.name, [`overtaken ${++overtaken}`])
          return client.request(request)
        },
      }
    }
    const connector = azure.create(configSchema.parse(azureConfig), { ...world.host, http: overtaking })
    await expect(connector.present(record)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining('changed 16 times while they were written'),
    })
    expect(world.values(record.name)).not.toContain(record.value)
    expect(overtaken).toBe(16)
  })

  it('a lock is no conflict that passes', async () => {
    const world = fakeAzure()
    world.set({ locked: true })
    expect(await refusalOf(world)).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('a lock on the zone'),
    })
    expect(world.requests.filter(({ method }) => method === 'PUT')).toHaveLength(1)
  })

  it('a CNAME in the way is told in Azure’s words', async () => {
    const world = fakeAzure()
    world.addCname(record.name)
    const refusal = await refusalOf(world)
    expect(refusal).toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringContaining('a CNAME record with the same name'),
    })
  })

  it('a throttled writer is told when to come back', async () => {
    const world = fakeAzure()
    world.set({ throttled: 1 })
    expect(await refusalOf(world)).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 17 })
  })
})

describe('a connection test', () => {
  const test = (world: FakeAzure, config: Changes = azureConfig) => connect(world, config).test?.(signal)

  it('says which zones may be changed', async () => {
    expect(await test(fakeAzure())).toEqual({
      detail: 'May change the TXT records of example.test, child.example.test',
    })
  })

  it('a role that may only read is found out by what it lacks', async () => {
    const world = fakeAzure()
    world.set({ roles: [{ actions: ['*/read'], notActions: [] }] })
    await expect(test(world)).rejects.toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringMatching(
        /example\.test: not allowed are Microsoft\.Network\/dnsZones\/TXT\/write, .*delete/,
      ),
    })
    expect((await refusalOf(world)).message).toContain('give the application or identity the role DNS Zone Contributor')
  })

  it('a subscription without zones is named', async () => {
    await expect(test(fakeAzure([]))).rejects.toThrow(`sees no DNS zone in /subscriptions/${subscription_id}`)
    await expect(test(fakeAzure(), { ...azureConfig, zone: 'other.test' })).rejects.toThrow(
      'sees no DNS zone other.test',
    )
  })

  it('with many zones looks at the first, and says how many it did not look at', async () => {
    const world = fakeAzure(Array.from({ length: 12 }, (_, index) => `zone-${index}.test`))
    expect((await test(world))?.detail).toMatch(/zone-9\.test; 2 more zones were not looked at$/)
  })
})

describe('what roles allow', () => {
  const role = (actions: string[], notActions: string[] = []) => ({ actions, notActions })

  it.each([
    [[role(['*'])], 0],
    [[role(['Microsoft.Network/dnsZones/*'])], 0],
    [[role(['microsoft.network/DNSZONES/txt/*'])], 0],
    [[role(['Microsoft.Network/dnsZones/TXT/*'], ['Microsoft.Network/dnsZones/TXT/delete'])], 1],
    [[role(['*'], ['Microsoft.Network/*']), role(['Microsoft.Network/dnsZones/TXT/write', '*/read'])], 1],
    [[role(['Microsoft.NetworkXdnsZones/*', 'Microsoft.Network/dnsZones/A/*'])], 3],
    [[], 3],
  ])('%j lacks %i of what is needed', (roles, lacking) => {
    expect(missingActions(roles)).toHaveLength(lacking)
  })
})

describe('configuration', () => {
  it.each([
    [{ cloud: 'china' }, 'https://management.chinacloudapi.cn', 'https://login.partner.microsoftonline.cn'],
    [{ cloud: 'usgovernment' }, 'https://management.usgovcloudapi.net', 'https://login.microsoftonline.us'],
    [
      { endpoint: 'https://arm.stack.example/', login_endpoint: 'https://login.stack.example' },
      'https://arm.stack.example',
      'https://login.stack.example',
    ],
  ])('%j goes to %s, and its tokens are for there', async (config, endpoint, login) => {
    const world = fakeAzure()
    const asked: string[] = []
    const http: typeof world.host.http = ({ baseUrl }) => ({
      async request({ form, path }) {
        asked.push(`${String(baseUrl)}${String(path)} ${String(form?.scope)}`)
        const body = { access_token: 'az-token', expires_in: 3600, value: [] }
        return { status: 200, headers: {}, body: new Uint8Array(), text: () => '', json: () => body }
      },
    })
    const connector = azure.create(configSchema.parse({ ...azureConfig, ...config }), { ...world.host, http })
    await expect(connector.present(record)).rejects.toMatchObject({ code: 'not_found' })
    expect(asked[0]).toBe(`${login}/${azureConfig.tenant_id}/oauth2/v2.0/token ${endpoint}/.default`)
    expect(asked[1]).toMatch(`${endpoint}/subscriptions/`)
  })

  it('the metadata service is asked where it is said to be', async () => {
    const world = fakeAzure()
    const asked: unknown[] = []
    const http: typeof world.host.http = (options) => {
      asked.push(options.baseUrl)
      return world.host.http(options)
    }
    azure.create(configSchema.parse({ subscription_id, identity_endpoint: 'http://127.0.0.1:40342' }), {
      ...world.host,
      http,
    })
    expect(asked).toContain('http://127.0.0.1:40342')
  })

  it.each([
    [{ client_secret: 'x', federated_token_file: tokenFile, ...application }, 'set one of them'],
    [{ subscription_id, client_secret: 'x' }, 'goes with tenant_id'],
    [
      { ...application, federated_token_file: tokenFile, login_endpoint: 'https://evil.example' },
      'must be that of the cloud',
    ],
    [{ subscription_id: '../x' }, 'must be an identifier'],
    [{ subscription_id, resource_group: 'a/../b' }, 'name of a resource group'],
    [{ subscription_id, cloud: 'germany' }, 'cloud'],
  ])('%j is refused', (config, message) => {
    expect(JSON.stringify(configSchema.safeParse(config).error?.issues)).toContain(message)
  })

  it('every setting has a variable of the environment', () => {
    const { properties } = azure.jsonSchema as { properties: object }
    const [instance] = azure.environment ?? []
    expect(Object.keys(instance?.variables ?? {}).sort()).toEqual(Object.keys(properties).sort())
  })
})
