import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { createTestRecord, testDns } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import google, { configSchema } from '../src/index.js'
import { type FakeGoogle, fakeGoogle, googleConfig, keyJson, project } from './fake-google.js'

describe('laws', () => {
  testDns({ test: it, definition: google, config: googleConfig, createWorld: () => fakeGoogle(), slug: 'google' })
})

type Changes = Record<string, unknown>
const connect = (world: FakeGoogle, config: Changes = googleConfig) =>
  google.create(configSchema.parse(config), world.host)
const record = createTestRecord('www.example.test', 1)
const { signal } = record
const tokensAsked = ({ requests }: FakeGoogle) => requests.filter(({ path }) => path.endsWith('/token')).length
const refusalOf = async (world: FakeGoogle, config: Changes = googleConfig) =>
  (await connect(world, config)
    .present(record)
    .catch((error: unknown) => error)) as Error & { code: string }

describe('who asks', () => {
  it('a token is asked for once and used until shortly before its end', async () => {
    const world = fakeGoogle()
    const connector = connect(world)
    await connector.present(record)
    await connector.cleanUp(record)
    expect(tokensAsked(world)).toBe(1)
    world.host.clock.advance(3599 - 299)
    await connector.present(record)
    expect(tokensAsked(world)).toBe(2)
  })

  it('a kept token that was taken back is replaced within the call', async () => {
    const world = fakeGoogle()
    const connector = connect(world)
    await connector.present(record)
    world.revokeTokens()
    await connector.cleanUp(record)
    expect(world.values(record.name)).toEqual([])
    expect(tokensAsked(world)).toBe(2)
  })

  it('no error carries the token, the key or the library’s request', async () => {
    const world = fakeGoogle()
    const connector = connect(world)
    await connector.present(record)
    world.set({ limited: { status: 403, reason: 'forbidden' } })
    const refusal = await connector.cleanUp(record).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'upstream_rejected' })
    expect(inspect(refusal, { depth: 20, showHidden: true })).not.toMatch(/5ECRET|Bearer|PRIVATE KEY/)
  })

  it('a key that was deleted is told from one that never was a key', async () => {
    const world = fakeGoogle()
    world.set({ keyDeleted: true })
    expect((await refusalOf(world)).message).toContain('the key was deleted, is of another account')
    const broken = keyJson({ private_key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n' })
    const refusal = await refusalOf(fakeGoogle(), { credentials: broken })
    expect(refusal).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('cannot be read') })
  })

  it('a key of somebody else is refused', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const credentials = keyJson({ private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) })
    expect(await refusalOf(fakeGoogle(), { credentials })).toMatchObject({ code: 'upstream_rejected' })
  })

  it('a key without a project needs one', async () => {
    const world = fakeGoogle()
    const credentials = keyJson({ project_id: undefined })
    expect(await refusalOf(world, { credentials })).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('set project'),
    })
    await connect(world, { credentials, project }).present(record)
    expect(world.values(record.name)).toEqual([record.value])
  })

  it.each([
    [404, 'not_found'],
    [429, 'rate_limited'],
    [503, 'upstream_unavailable'],
  ])('a metadata server that answers %i is named, and what to make of it', async (status, code) => {
    const world = fakeGoogle()
    const { http } = world.host
    const refusing: typeof http = (options) => {
      const client = http(options)
      const answer = {
        status,
        headers: {},
        body: new Uint8Array(),
        text: () => '<html>',
        json: () => ({}),
        retryAfterSeconds: 9,
      }
      return {
        request: (request) =>
          String(request.path).endsWith('/token') ? Promise.resolve(answer) : client.request(request),
      }
    }
    const connector = google.create(configSchema.parse({}), { ...world.host, http: refusing })
    await expect(connector.present(record)).rejects.toMatchObject({
      code,
      retryAfterSeconds: 9,
      message: expect.stringContaining('The Google metadata server'),
    })
  })

  it('the machine’s account adds and removes as a key does', async () => {
    const world = fakeGoogle()
    await connect(world, {}).present(record)
    await connect(world, {}).cleanUp(record)
    expect(world.names?.()).toEqual([])
  })

  it('the machine’s project is that of the metadata server', async () => {
    const world = fakeGoogle()
    await connect(world, {}).present(record)
    expect(world.requests[0]?.url.href).toBe('http://metadata.google.internal/computeMetadata/v1/project/project-id')
    expect(world.values(record.name)).toEqual([record.value])
  })
})

describe('which zone', () => {
  it('one among many pages is found, and a private one of the same name is left alone', async () => {
    const world = fakeGoogle([])
    for (let index = 0; index < 5; index += 1) world.addZone('www.example.test', `private-${index}`, 'private')
    world.addZone('www.example.test', 'public-one')
    world.set({ zonesPerPage: 2 })
    await connect(world).present(record)
    expect(world.requests.at(-1)?.path).toContain('/managedZones/public-one/changes')
  })

  it('two public zones of one name need to be told apart', async () => {
    const world = fakeGoogle()
    world.addZone('example.test', 'example-test-2')
    expect(await refusalOf(world)).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('set managed_zone'),
    })
    await connect(world, { ...googleConfig, managed_zone: 'example-test' }).present(record)
    expect(world.requests.at(-1)?.path).toContain('/managedZones/example-test/changes')
  })

  it('a name outside the given zone is refused, and nothing is changed', async () => {
    const world = fakeGoogle()
    const refusal = await refusalOf(world, { ...googleConfig, managed_zone: 'child-example-test' })
    expect(refusal).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('is not in child.example.test'),
    })
    expect(world.names?.()).toEqual([])
  })

  it('the given zone is changed without listing any', async () => {
    const world = fakeGoogle()
    const connector = connect(world, { ...googleConfig, managed_zone: 'example-test' })
    await connector.present(record)
    await connector.cleanUp(record)
    expect(world.names?.()).toEqual([])
    expect(world.requests.filter(({ path }) => path.endsWith('/managedZones'))).toEqual([])
  })

  it('a private zone is written to where it is asked for by name', async () => {
    const world = fakeGoogle()
    world.addZone('example.test', 'inside', 'private')
    await connect(world, { ...googleConfig, managed_zone: 'inside' }).present(record)
    expect(world.requests.at(-1)?.path).toContain('/managedZones/inside/changes')
  })
})

describe('a record set of others', () => {
  const name = `${record.name}.`

  it('keeps its time to live and how values are written', async () => {
    const world = fakeGoogle()
    const rrdatas = ['"one" "two"', '"three"']
    world.put({ name, type: 'TXT', ttl: 7200, rrdatas })
    await connect(world).present({ ...record, ttlSeconds: 60 })
    expect(world.setOf(record.name)).toMatchObject({ ttl: 7200, rrdatas: [...rrdatas, `"${record.value}"`] })
    await connect(world).cleanUp(record)
    expect(world.setOf(record.name)).toMatchObject({ ttl: 7200, rrdatas })
  })

  it('that follows a routing policy is left alone', async () => {
    const world = fakeGoogle()
    const set = { name, type: 'TXT', ttl: 60, routingPolicy: { wrr: { items: [] } } }
    world.put(set)
    expect(await refusalOf(world)).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('routing policy'),
    })
    expect(world.setOf(record.name)).toEqual(set)
  })

  it('a writer who is always overtaken gives up, and says so', async () => {
    const world = fakeGoogle()
    const { http } = world.host
    let overtaken = 0
    const overtaking: typeof http = (options) => {
      const client = http(options)
      return {
        request(request) {
          if (String(request.path).endsWith('/changes')) world.plant(record.name, [`overtaken ${++overtaken}`])
          return client.request(request)
        },
      }
    }
    const connector = google.create(configSchema.parse(googleConfig), { ...world.host, http: overtaking })
    await expect(connector.present(record)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining('changed 16 times while they were written'),
    })
    expect(overtaken).toBe(16)
  })

  it('a CNAME in the way is told in Google’s words', async () => {
    const world = fakeGoogle()
    world.put({ name, type: 'CNAME', ttl: 60, rrdatas: ['elsewhere.test.'] })
    expect(await refusalOf(world)).toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringContaining('cnameResourceRecordSetConflict'),
    })
  })
})

describe('what is refused', () => {
  it.each([
    [429, 'rateLimitExceeded'],
    [403, 'rateLimitExceeded'],
    [403, 'userRateLimitExceeded'],
    [403, 'quotaExceeded'],
  ])('%i %s means: later, and when', async (status, reason) => {
    const world = fakeGoogle()
    world.set({ limited: { status, reason } })
    expect(await refusalOf(world)).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 31 })
    // The library would have tried again by itself, three times.
    expect(world.requests.filter(({ path }) => path.startsWith('/dns/'))).toHaveLength(1)
  })

  it('an API that is not enabled is named', async () => {
    const world = fakeGoogle()
    world.set({ enabled: false })
    expect((await refusalOf(world)).message).toContain('enable the Cloud DNS API in the project')
  })

  it('a project that the account may not see, and a role that is missing, are named', async () => {
    expect((await refusalOf(fakeGoogle(), { ...googleConfig, project: 'other' })).message).toContain(
      'role DNS Administrator',
    )
    const world = fakeGoogle()
    world.set({ permissions: ['dns.resourceRecordSets.list'] })
    expect((await refusalOf(world)).message).toContain('role DNS Administrator')
  })
})

describe('a connection test', () => {
  const test = (world: FakeGoogle, config: Changes = googleConfig) => connect(world, config).test?.(signal)

  it('says which zones may be changed', async () => {
    const world = fakeGoogle()
    world.addZone('inside.test', 'inside', 'private')
    expect(await test(world)).toEqual({ detail: 'May change the TXT records of example.test, child.example.test' })
  })

  it('a role that lacks something is found out by what it lacks', async () => {
    const world = fakeGoogle()
    world.set({ permissions: ['dns.changes.create', 'dns.resourceRecordSets.create', 'dns.resourceRecordSets.list'] })
    await expect(test(world)).rejects.toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringContaining('lacks dns.resourceRecordSets.delete, dns.resourceRecordSets.update'),
    })
  })

  it('a project without public zones, and a zone that is not there, are named', async () => {
    await expect(test(fakeGoogle([]))).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('no public zone'),
    })
    await expect(test(fakeGoogle(), { ...googleConfig, managed_zone: 'gone' })).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining("named 'gone' does not exist"),
    })
  })

  it('with many zones looks at the first, and says how many it did not look at', async () => {
    const world = fakeGoogle(Array.from({ length: 12 }, (_, index) => `zone-${index}.test`))
    expect((await test(world))?.detail).toMatch(/zone-9\.test; 2 more zones were not looked at$/)
  })
})

describe('configuration', () => {
  it.each([
    [{ credentials: '{"type":"authorized_user","refresh_token":"x"}' }, 'JSON of a service account key'],
    [{ credentials: 'not json' }, 'JSON of a service account key'],
    [{ endpoint: 'https://evil.example' }, 'must be below googleapis.com'],
    [{ endpoint: 'http://dns.googleapis.com' }, 'must be below googleapis.com'],
    [{ endpoint: 'https://evilgoogleapis.com' }, 'must be below googleapis.com'],
    [{ managed_zone: 'example.test' }, 'not its DNS name'],
    [{ project: 'a/b' }, 'identifier of a project'],
  ])('%j is refused', (config, message) => {
    expect(JSON.stringify(configSchema.safeParse(config).error?.issues)).toContain(message)
  })

  it('the API is asked where it is said to be, for private access or with a key', async () => {
    const hosts: string[] = []
    const world = fakeGoogle()
    const http: typeof world.host.http = ({ baseUrl }) => ({
      async request({ path }) {
        hosts.push(String(path).startsWith('https:') ? new URL(String(path)).host : String(baseUrl))
        const body = { access_token: 'ya29.x', expires_in: 3600, managedZones: [] }
        const text = String(path).endsWith('project-id') ? project : JSON.stringify(body)
        return { status: 200, headers: {}, body: new Uint8Array(), text: () => text, json: () => body }
      },
    })
    const endpoints = [
      { endpoint: 'https://dns-inside.p.googleapis.com', metadata_endpoint: 'http://127.0.0.1:8080' },
      { endpoint: 'https://dns.example', ...googleConfig },
    ]
    for (const config of endpoints)
      await expect(
        google.create(configSchema.parse(config), { ...world.host, http }).present(record),
      ).rejects.toMatchObject({ code: 'not_found' })
    expect([...new Set(hosts)]).toEqual([
      'http://127.0.0.1:8080',
      'dns-inside.p.googleapis.com',
      'https://oauth2.googleapis.com',
      'dns.example',
    ])
  })

  it('every setting has a variable of the environment', () => {
    const [instance] = google.environment ?? []
    expect(Object.keys(instance?.variables ?? {}).sort()).toEqual(Object.keys(configSchema.shape).sort())
  })
})
