import { createTestRecord, testDns } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import acmeDns, { configSchema } from '../src/index.js'
import { type FakeAcmeDns, fakeAcmeDns, registrationFor, serverUrl } from './fake-acme-dns.js'

const domains = [
  'example.test',
  'www.example.test',
  'a.b.c.example.test',
  'child.example.test',
  'www.child.example.test',
  'a.b.child.example.test',
]
const accounts = JSON.stringify(
  Object.fromEntries([...domains, 'led-here.example.test'].map((domain) => [domain, registrationFor(domain)])),
)
const config = { server_url: serverUrl, accounts, register: false }

function createWorld(): FakeAcmeDns {
  const world = fakeAcmeDns()
  for (const domain of domains) world.alias(`_acme-challenge.${domain}`, registrationFor(domain).fulldomain)
  for (const name of ['led-here.example.test', '_acme-challenge.led-here.example.test'])
    world.alias(name, registrationFor('led-here.example.test').fulldomain)
  for (const domain of [...domains, 'led-here.example.test']) world.add(registrationFor(domain))
  return world
}

const stays = 'acme-dns has no removing: a value stays until others have taken its place'
const two = 'acme-dns keeps two values for a registration, and answers to dns-01 challenges only'

describe('laws', () => {
  testDns({
    test: it,
    definition: acmeDns,
    config,
    createWorld,
    slug: 'acme-dns',
    except: {
      'it removes its own value and no other, and the last one with its record': stays,
      'a name is absolute and belongs to the deepest zone that holds it': stays,
      'the name is the one it is given, whatever the domain is called': stays,
      'a final dot and capital letters make no other name': stays,
      'removed is only reported when the value is gone, whichever step fails, and the next attempt removes it': stays,
      'whatever may take long is handed the signal': stays,
      'TXT records of others survive as they were': two,
      'a value longer than a character string is kept whole': two,
      'values added and removed at the same time under one name are all added and all removed': two,
    },
  })
})

type Changes = Record<string, unknown>
const connect = (world: FakeAcmeDns, changes: Changes = {}) =>
  acmeDns.create(configSchema.parse({ ...config, ...changes }), world.host)
const record = createTestRecord('example.test', 1)
const { name, signal } = record
const numbered = (seed: number) => createTestRecord('example.test', seed)
const alone = { server_url: serverUrl }
const bare = (world: FakeAcmeDns, changes: Changes = {}) =>
  acmeDns.create(configSchema.parse({ ...alone, ...changes }), world.host)
const refusalOf = async (call: Promise<unknown> | undefined) =>
  (await call?.catch((error: unknown) => error)) as Error & Changes

describe('two places', () => {
  it('every name is published where its CNAME record leads, also with a final dot and in capitals', async () => {
    const world = createWorld()
    for (const domain of domains) {
      const wanted = createTestRecord(domain, 7)
      await connect(world).present({ ...wanted, name: `${wanted.name.toUpperCase()}.` })
      expect(world.values(wanted.name)).toEqual([wanted.value])
    }
    await connect(world).present({ ...record, name: 'led-here.example.test', context: { domain: 'elsewhere.test' } })
    expect(world.values('led-here.example.test')).toEqual([record.value])
  })

  it('a name that a CNAME led to is the registration of that name', async () => {
    const world = createWorld()
    await connect(world).present({ ...record, name: registrationFor('example.test').fulldomain })
    expect(world.values(name)).toEqual([record.value])
  })

  it('a value that is given up makes room, and the one that is wanted stays although it is older', async () => {
    const world = createWorld()
    const connector = connect(world)
    await connector.present(numbered(1))
    await connector.present(numbered(2))
    await connector.cleanUp(numbered(2))
    await connector.present(numbered(3))
    expect(world.values(name).sort()).toEqual([numbered(1).value, numbered(3).value].sort())
  })

  it('many orders after another each find both of their values', async () => {
    const world = createWorld()
    const connector = connect(world)
    for (let order = 0; order < 6; order += 1) {
      const both = [numbered(order * 2), numbered(order * 2 + 1)]
      for (const one of both) await connector.present(one)
      expect(world.values(name).sort()).toEqual(both.map(({ value }) => value).sort())
      for (const one of both) await connector.cleanUp(one)
    }
  })

  it('a third value waits for one of the two to be done', async () => {
    const world = createWorld()
    const connector = connect(world)
    await connector.present(numbered(1))
    await connector.present(numbered(2))
    expect(await refusalOf(connector.present(numbered(3)))).toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: 60,
      message: expect.stringContaining('both are in use by other orders'),
    })
    await connector.cleanUp(numbered(1))
    await connector.present(numbered(3))
    expect(world.values(name).sort()).toEqual([numbered(2).value, numbered(3).value].sort())
  })

  it('values of orders that nobody finished block for an hour and no longer', async () => {
    const world = createWorld()
    await connect(world).present(numbered(1))
    await connect(world).present(numbered(2))
    world.host.clock.advance(3600)
    await connect(world).present(numbered(3))
    expect(world.values(name)).toContain(numbered(3).value)
  })

  it('two copies at the same time publish both', async () => {
    const world = createWorld()
    await Promise.all([connect(world).present(numbered(1)), connect(world).present(numbered(2))])
    expect(world.values(name).sort()).toEqual([numbered(1).value, numbered(2).value].sort())
  })

  it('what is no answer to dns-01 is refused before anything is asked', async () => {
    const world = createWorld()
    const value = 'ca.example; accounturi=https://ca.example/acct/1'
    expect(await refusalOf(connect(world).present({ ...record, value }))).toMatchObject({ code: 'unsupported' })
    expect(world.requests).toEqual([])
  })
})

describe('registering', () => {
  it('says which record to create, and goes on by itself once it is there', async () => {
    const world = fakeAcmeDns()
    const refusal = await refusalOf(bare(world, { allow_from: ['192.0.2.0/24'] }).present(record))
    const [, target = ''] = /_acme-challenge\.example\.test\. CNAME (\S+)\.$/.exec(refusal.message) ?? []
    expect(target).toMatch(/^[0-9a-f-]{36}\.auth\.acme-dns\.test$/)
    expect(refusal).toMatchObject({ code: 'upstream_unavailable', retryAfterSeconds: 300 })
    world.alias(name, target)
    await bare(world).present(record)
    expect(world.values(name)).toEqual([record.value])
    expect(world.requests.filter(({ path }) => path === '/register').map((request) => request.json())).toEqual([
      { allowfrom: ['192.0.2.0/24'] },
    ])
  })

  it('two copies at the same time tell the operator of one registration', async () => {
    const world = fakeAcmeDns()
    const refusals = await Promise.all([refusalOf(bare(world).present(record)), refusalOf(bare(world).present(record))])
    expect(new Set(refusals.map(({ message }) => message)).size).toBe(1)
    expect(refusals[0]?.message).toContain('CNAME')
  })

  it('a name and its wildcard share a registration, another name has its own', async () => {
    const world = fakeAcmeDns()
    const config = { check_cname: false }
    for (const domain of ['example.test', '*.example.test', 'www.example.test'])
      await bare(world, config).present(createTestRecord(domain, domain))
    expect(world.requests.filter(({ path }) => path === '/register')).toHaveLength(2)
  })

  it('registrations and their passwords are in sealed state and nowhere else', async () => {
    const world = fakeAcmeDns()
    await refusalOf(bare(world).present(record))
    const stored = await world.host.state.get('account:example.test')
    expect(stored?.value).toMatchObject({ password: expect.stringContaining('5ECRET') })
    expect(JSON.stringify(world.host.logged)).not.toContain('5ECRET')
  })

  it('a server that takes no registrations is told from a wrong address as far as that is possible', async () => {
    const world = fakeAcmeDns()
    world.set({ registration: false })
    expect(await refusalOf(bare(world).present(record))).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('takes no registrations'),
    })
  })

  it('is not done for a registration of somebody else on the same server', async () => {
    const world = createWorld()
    const strange = { ...record, name: registrationFor('of somebody else').fulldomain }
    const refusal = await refusalOf(connect(world, { register: true }).present(strange))
    expect(refusal).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('whose password is not known here'),
    })
    expect(world.requests).toEqual([])
  })

  it('is not needed to give up a value', async () => {
    const world = fakeAcmeDns()
    await bare(world).cleanUp(record)
    expect(world.requests).toEqual([])
  })
})

describe('the CNAME record', () => {
  it('that leads elsewhere stops the order with the record that is meant', async () => {
    const world = createWorld()
    world.alias(name, 'somewhere.test')
    expect((await refusalOf(connect(world).present(record))).message).toContain(
      `${name}. CNAME ${registrationFor('example.test').fulldomain}.`,
    )
    expect(world.values(registrationFor('example.test').fulldomain)).toEqual([])
  })

  it('may lead over others, but not in circles', async () => {
    const world = createWorld()
    world.alias(name, 'between.test')
    world.alias('between.test', registrationFor('example.test').fulldomain)
    await connect(world).present(record)
    expect(world.values(name)).toEqual([record.value])
    world.alias('between.test', name)
    expect(await refusalOf(connect(world).present(numbered(2)))).toMatchObject({ code: 'upstream_unavailable' })
  })

  it('a resolver that fails stops nothing, and is told of', async () => {
    const world = createWorld()
    world.breakResolver()
    await connect(world).present(record)
    expect(world.requests).toHaveLength(1)
    expect(world.host.logged).toMatchObject([{ level: 'warn', fields: { name } }])
  })

  it('is not looked up where that is switched off', async () => {
    const world = createWorld()
    world.alias(name, 'somewhere.test')
    await connect(world, { check_cname: false }).present(record)
    expect(world.values(registrationFor('example.test').fulldomain)).toEqual([record.value])
  })
})

describe('what is refused', () => {
  it('an address that the registration does not allow is named as a cause', async () => {
    const world = createWorld()
    world.add(registrationFor('example.test'), ['198.51.100.0/24'])
    const refusal = await refusalOf(connect(world).present(record))
    expect(refusal).toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringContaining('its allow-from list does not hold'),
    })
    world.set({ clientAddress: '198.51.100.9' })
    await connect(world).present(record)
    expect(world.values(name)).toEqual([record.value])
  })

  it('an update that keeps another value than it was given is no success', async () => {
    const world = createWorld()
    const { http } = world.host
    const lying: typeof http = (options) => {
      const client = http(options)
      return {
        request: async (request) => ({ ...(await client.request(request)), json: () => ({ txt: numbered(9).value }) }),
      }
    }
    const connector = acmeDns.create(configSchema.parse(config), { ...world.host, http: lying })
    expect(await refusalOf(connector.present(record))).toMatchObject({ code: 'upstream_protocol' })
  })
})

describe('a connection test', () => {
  const test = (world: FakeAcmeDns, changes: Changes = {}) => connect(world, changes).test?.(signal)
  const one = JSON.stringify({ 'example.test': registrationFor('example.test') })

  it('says which domains lead there, and publishes nothing', async () => {
    const world = createWorld()
    expect(await test(world, { accounts: one })).toEqual({
      detail: 'acme-dns answers, and these domains lead to it: example.test',
    })
    expect(world.values(name)).toEqual([])
  })

  it('names the records that are missing', async () => {
    const world = createWorld()
    world.alias(name, 'somewhere.test')
    expect(await refusalOf(test(world, { accounts: one }))).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining(
        `create them once: ${name}. CNAME ${registrationFor('example.test').fulldomain}.`,
      ),
    })
  })

  it('finds out a wrong password, and a server that is not well', async () => {
    const world = createWorld()
    world.add({ ...registrationFor('example.test'), password: 'changed' })
    expect((await refusalOf(test(world, { accounts: one }))).message).toContain('its password is wrong')
    world.set({ healthy: false })
    expect(await refusalOf(test(world))).toMatchObject({ code: 'upstream_unavailable' })
  })

  it('without any registration says what comes next', async () => {
    expect((await bare(fakeAcmeDns()).test?.(signal))?.detail).toContain('registered when they are first needed')
    const refusal = await refusalOf(bare(fakeAcmeDns(), { register: false }).test?.(signal))
    expect(refusal).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('there is no registration'),
    })
  })

  it('says so where names could not be looked up', async () => {
    const world = createWorld()
    world.breakResolver()
    expect((await test(world, { accounts: one }))?.detail).toContain(
      'not looked up, since the resolver failed: example.test',
    )
  })
})

describe('configuration', () => {
  it.each([
    [{ accounts: '{"example.test":{"username":"x"}}' }, 'must be JSON of domains'],
    [{ accounts: '[' }, 'must be JSON of domains'],
    [{ allow_from: ['192.0.2.1'] }, 'must be networks'],
    [{ server_url: 'https://me:pw@auth.test' }, 'without user name'],
    [{ ca_pem: 'MIIB' }, 'certificates in PEM'],
  ])('%j is refused', (changes, message) => {
    const { error } = configSchema.safeParse({ ...config, ...changes })
    expect(JSON.stringify(error?.issues)).toContain(message)
  })

  it('the given certificates vouch for the server', () => {
    const asked: unknown[] = []
    const { host } = fakeAcmeDns()
    const ca_pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
    const http: typeof host.http = (options) => {
      asked.push(options)
      return host.http(options)
    }
    acmeDns.create(configSchema.parse({ ...config, ca_pem }), { ...host, http })
    expect(asked).toMatchObject([{ baseUrl: serverUrl, tls: { caPem: ca_pem } }])
  })

  it('every setting has a variable of the environment', () => {
    const [instance] = acmeDns.environment ?? []
    expect(Object.keys(instance?.variables ?? {}).sort()).toEqual(Object.keys(configSchema.shape).sort())
  })
})
