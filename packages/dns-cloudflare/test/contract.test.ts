import { Secret } from '@certctl/core'
import { createTestRecord, testDns } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import cloudflare, { configSchema } from '../src/index.js'
import { cloudflareConfig, type FakeCloudflare, fakeCloudflare } from './fake-cloudflare.js'

describe('laws', () => {
  testDns({
    test: it,
    definition: cloudflare,
    config: cloudflareConfig,
    createWorld: () => fakeCloudflare(),
    slug: 'cloudflare',
  })
})

describe('laws in one zone that is given by name and identifier', () => {
  const createWorld = () => {
    const world = fakeCloudflare(['example.test'])
    world.grant({ zoneRead: [] })
    return { ...world, config: { zone: 'example.test', zone_id: '0'.repeat(31).concat('1') } }
  }
  const zones = { parent: 'example.test', child: 'child.example.test' }
  testDns({ test: it, definition: cloudflare, config: cloudflareConfig, createWorld, zones })
})

const connect = (world: FakeCloudflare, config: Record<string, unknown> = {}) =>
  cloudflare.create(configSchema.parse({ ...cloudflareConfig, ...config }), world.host)
const record = createTestRecord('www.example.test', 1)
const { signal } = record

describe('which zone', () => {
  it('one that is asked for by its name is found among more than a page of zones', async () => {
    const world = fakeCloudflare([...Array.from({ length: 130 }, (_, index) => `zone-${index}.test`), 'example.test'])
    await connect(world).present(record)
    expect(world.values(record.name)).toEqual([record.value])
  })

  it('a zone that Cloudflare does not serve yet is named with its state', async () => {
    const world = fakeCloudflare([])
    world.addZone('example.test', 'pending')
    await expect(connect(world).present(record)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringMatching(/_acme-challenge\.www\.example\.test is in the zone example\.test.*it is pending/),
    })
  })

  it('of two with one name, the one that is served is taken', async () => {
    const world = fakeCloudflare([])
    world.addZone('example.test', 'moved')
    const served = world.addZone('example.test')
    await connect(world).present(record)
    expect(world.requests.at(-1)?.path).toBe(`/client/v4/zones/${served}/dns_records`)
  })

  it('a zone that has not been finished does not hide the one above it', async () => {
    const world = fakeCloudflare(['example.test'])
    world.addZone('www.example.test', 'initializing')
    await connect(world).present(record)
    expect(world.records.map(({ zone }) => zone.name)).toEqual(['example.test'])
  })

  it('a name outside the given zone is refused before anything is asked', async () => {
    const world = fakeCloudflare()
    const config = { zone: 'child.example.test' }
    await expect(connect(world, config).present(record)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('is not in child.example.test'),
    })
    expect(world.requests).toEqual([])
  })

  it('the given zone is used where a deeper one would hold the name', async () => {
    const world = fakeCloudflare(['example.test', 'www.example.test'])
    await connect(world, { zone: 'example.test' }).present(record)
    expect(world.records.map(({ zone }) => zone.name)).toEqual(['example.test'])
  })
})

describe('what is written', () => {
  it('lives at least a minute and at most a day, as Cloudflare demands', async () => {
    const world = fakeCloudflare()
    for (const [seed, ttlSeconds] of [1, 3600, 1_000_000].entries())
      await connect(world).present(createTestRecord('example.test', seed, { ttlSeconds }))
    expect(world.records.map(({ ttl }) => ttl)).toEqual([60, 3600, 86_400])
  })

  it('a value that is there is not sent again', async () => {
    const world = fakeCloudflare()
    await connect(world).present(record)
    await connect(world).present(record)
    expect(world.requests.filter(({ method }) => method === 'POST')).toHaveLength(1)
  })

  it('values that somebody wrote without quotes are known again', async () => {
    const world = fakeCloudflare()
    world.addRecord('TXT', record.name, record.value)
    await connect(world).present(record)
    expect(world.records).toHaveLength(1)
    await connect(world).cleanUp(record)
    expect(world.records).toEqual([])
  })

  it('a value that another copy added in between is as good as added', async () => {
    const world = fakeCloudflare()
    await Promise.all([connect(world).present(record), connect(world).present(record)])
    expect(world.values(record.name)).toEqual([record.value])
    // Both had looked before either wrote, so that the second was refused as a twin.
    expect(world.requests.filter(({ method }) => method === 'POST')).toHaveLength(2)
  })

  it('a value that another copy removed in between is as good as removed', async () => {
    const world = fakeCloudflare()
    await connect(world).present(record)
    await Promise.all([connect(world).cleanUp(record), connect(world).cleanUp(record)])
    expect(world.requests.filter(({ method }) => method === 'DELETE')).toHaveLength(2)
    expect(world.records).toEqual([])
  })

  it('records of other types under the name stay', async () => {
    const world = fakeCloudflare()
    world.addRecord('A', record.name, record.value)
    await connect(world).present(record)
    await connect(world).cleanUp(record)
    expect(world.records.map(({ type }) => type)).toEqual(['A'])
  })
})

describe('what is refused', () => {
  const refusalOf = async (world: FakeCloudflare, config: Record<string, unknown> = {}) =>
    (await connect(world, config)
      .present(record)
      .catch((error: unknown) => error)) as Error & Record<string, unknown>

  it('a CNAME in the way is named', async () => {
    const world = fakeCloudflare()
    world.addRecord('CNAME', record.name, 'elsewhere.test')
    expect(await refusalOf(world)).toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringContaining('a CNAME record of that name is in the way'),
    })
  })

  it('a token that may read and not edit is told what it lacks', async () => {
    const world = fakeCloudflare()
    world.grant({ dnsEdit: ['other.test'] })
    expect(await refusalOf(world)).toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringContaining('lacks Zone:Read or DNS:Edit on this zone'),
    })
  })

  it.each([
    ['cf-another-token-0123456789abcdefghijklmnopqrst', 'the token is wrong, has ended'],
    ['short', 'the token is not a token'],
  ])('the token %s is refused without being shown', async (api_token, sentence) => {
    const refusal = await refusalOf(fakeCloudflare(), { api_token })
    expect(refusal).toMatchObject({ code: 'upstream_rejected', message: expect.stringContaining(sentence) })
    expect(refusal.message).not.toContain(api_token)
  })

  it('too many requests carry the time to wait, in every step', async () => {
    for (const before of [0, 3, 4]) {
      const world = fakeCloudflare()
      let asked = 0
      const { http } = world.host
      const counting: typeof http = (options) => {
        const client = http(options)
        const request: typeof client.request = (wanted) => {
          if (asked === before) world.exhaust(1)
          asked += 1
          return client.request(wanted)
        }
        return { request }
      }
      const connector = cloudflare.create(configSchema.parse(cloudflareConfig), { ...world.host, http: counting })
      await expect(connector.present(record)).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 240 })
    }
  })

  it('an answer that says it failed is no success, whatever its status', async () => {
    const { host } = fakeCloudflare()
    const errors = [{ code: 1004, message: `Failed\u0007 for ${cloudflareConfig.api_token}` }]
    const answer = { status: 200, headers: {}, body: new Uint8Array() }
    const body = { success: false, errors, messages: [], result: null }
    const http = () => ({ request: async () => ({ ...answer, text: () => JSON.stringify(body), json: () => body }) })
    const connector = cloudflare.create(configSchema.parse(cloudflareConfig), { ...host, http })
    await expect(connector.present(record)).rejects.toMatchObject({
      code: 'upstream_rejected',
      message: 'Cloudflare, listing zones (1004 Failed  for [secret]): was refused',
    })
  })

  it('pages without an end are not followed for ever', async () => {
    const { host } = fakeCloudflare()
    const body = { success: true, errors: [], result: [], result_info: { total_pages: 1e6 } }
    const answer = {
      status: 200,
      headers: {},
      body: new Uint8Array(),
      text: () => JSON.stringify(body),
      json: () => body,
    }
    const connector = cloudflare.create(configSchema.parse(cloudflareConfig), {
      ...host,
      http: () => ({ request: async () => answer }),
    })
    await expect(connector.present(record)).rejects.toMatchObject({ code: 'upstream_protocol' })
  })
})

describe('a connection test', () => {
  const test = (world: FakeCloudflare, config: Record<string, unknown> = {}) => connect(world, config).test?.(signal)

  it('says which zones may be changed, and changes nothing', async () => {
    const world = fakeCloudflare()
    world.plant('example.test', ['v=spf1 -all'])
    expect(await test(world)).toEqual({
      detail: 'The token may change the DNS records of example.test, child.example.test',
    })
    expect(world.values('example.test')).toEqual(['v=spf1 -all'])
  })

  it('with many zones tries the first, and says how many it did not', async () => {
    const world = fakeCloudflare(Array.from({ length: 57 }, (_, index) => `zone-${index}.test`))
    expect((await test(world))?.detail).toMatch(/zone-9\.test; 47 more zones were not tried$/)
  })

  it('a token that may only read is found out', async () => {
    const world = fakeCloudflare()
    world.grant({ dnsEdit: [] })
    await expect(test(world)).rejects.toMatchObject({ message: expect.stringContaining('lacks Zone:Read or DNS:Edit') })
  })

  it('a token that sees no zone is told what it lacks, by the zone that was wanted', async () => {
    const world = fakeCloudflare()
    world.grant({ zoneRead: [] })
    await expect(test(world)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('give it Zone:Read'),
    })
    await expect(test(world, { zone: 'example.test' })).rejects.toThrow('sees no active zone example.test')
  })

  it('an identifier of no zone is said to be one', async () => {
    const config = { zone: 'example.test', zone_id: 'f'.repeat(32) }
    await expect(test(fakeCloudflare(), config)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('compare zone_id'),
    })
  })
})

describe('configuration', () => {
  it('every variable of the environment is a setting that does something', async () => {
    const [instance] = cloudflare.environment ?? []
    expect(instance).toMatchObject({ id: 'dns-cloudflare', when: 'CERTCTL_CLOUDFLARE_API_TOKEN' })
    expect(Object.keys(instance?.variables ?? {}).sort()).toEqual(Object.keys(configSchema.shape).sort())
    const asked: unknown[] = []
    const { host } = fakeCloudflare()
    const watching = {
      ...host,
      http(options: Parameters<typeof host.http>[0]) {
        asked.push(options)
        return host.http(options)
      },
    }
    const endpoint = 'https://api.cloudflare.example/v4'
    cloudflare.create(configSchema.parse({ ...cloudflareConfig, endpoint }), watching)
    expect(asked).toMatchObject([{ baseUrl: endpoint }])
  })

  it('the token is a secret', () => {
    expect(configSchema.parse(cloudflareConfig).api_token).toBeInstanceOf(Secret)
  })

  it.each([
    [{ zone_id: '0'.repeat(32) }, 'set zone, too'],
    [{ zone: 'example.test', zone_id: '../accounts' }, '32 hexadecimal digits'],
    [{ endpoint: 'ftp://x' }, 'http or https'],
  ])('%j is refused', (config, message) => {
    const parsed = configSchema.safeParse({ ...cloudflareConfig, ...config })
    expect(parsed.error?.issues.map((issue) => issue.message).join()).toContain(message)
  })
})
