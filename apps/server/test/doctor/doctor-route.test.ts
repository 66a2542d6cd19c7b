import { createRegistry, defineDns, defineIssuer, secret, z } from '@certctl/core'
import { createMaterial } from '@certctl/testing'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals'
import type { Surroundings } from '../../src/doctor/surroundings.js'
import { createTestApp, type TestApp } from '../http/test-app.js'
import { until } from '../races/steps.js'
import { needsLoopbackNetwork } from './loopback-network.js'
import { a, caa, createWorld, txt, type World, webAddress } from './world.js'

const staged = needsLoopbackNetwork()

let app: TestApp
let world: World
let told: { test: () => { detail: string; account?: string }; fits: boolean; provider: () => { detail: string } }
const asked: string[] = []

const issuer = defineIssuer({
  type: 'FakeAcme',
  displayName: 'An ACME CA for tests',
  configSchema: z.strictObject({
    directory_url: z.string().describe('Where it is.'),
    challenge_type: z.string().optional().describe('How names are proven.'),
    dns_provider: z.string().optional().describe('Who writes records.'),
    dns_resolvers: z.array(z.string()).optional().describe('Whom to ask.'),
    ca_bundle_path: z.string().optional().describe('Whom to trust.'),
    eab_hmac: secret().describe('Credential.'),
  }),
  capabilities: { operations: ['test', 'budget'], names: ['dns'], honours: [], revocationReasons: [], metered: true },
  create: ({ eab_hmac }) => ({
    issue: async () => ({ status: 'invalid' as const, orderId: 'x', reason: 'a fake' }),
    test: async () => {
      asked.push('test')
      return told.test()
    },
    budget: async ({ names, orders }) => {
      asked.push(`budget ${names.map(({ value }) => value).join()} ${orders}`)
      return { fits: told.fits, detail: `the account of ${eab_hmac.reveal()} has used all` }
    },
  }),
})

/** As a CA of one's own: whoever may order has the certificate. */
const ownCa = defineIssuer({
  type: 'FakeOwn',
  displayName: 'A CA without challenges, for tests',
  configSchema: z.strictObject({}),
  capabilities: { operations: ['test'], names: ['dns'], honours: [], revocationReasons: [], metered: false },
  create: () => ({
    issue: async () => ({ status: 'invalid' as const, orderId: 'x', reason: 'a fake' }),
    test: async () => told.test(),
  }),
})

const provider = defineDns({
  type: 'FakeDns',
  displayName: 'A DNS provider for tests',
  configSchema: z.strictObject({ token: secret().describe('Credential.') }),
  capabilities: {},
  create: ({ token }) => ({
    present: () => Promise.reject(new Error('the doctor changes nothing')),
    cleanUp: () => Promise.reject(new Error('the doctor changes nothing')),
    test: async () => {
      try {
        return told.provider()
      } catch {
        throw new Error(`the token ${token.reveal()} is refused`)
      }
    },
  }),
})

/** Handed to the app once; the world of the running test is behind it. */
const surroundings: Surroundings = {
  get dns() {
    return world.surroundings.dns
  },
  get web() {
    return world.surroundings.web
  },
}

beforeAll(async () => {
  const registry = createRegistry()
  registry.add({ kind: 'issuer', definition: issuer, package: 'fake-acme', version: '1.0.0' })
  registry.add({ kind: 'issuer', definition: ownCa, package: 'fake-own', version: '1.0.0' })
  registry.add({ kind: 'dns', definition: provider, package: 'fake-dns', version: '1.0.0' })
  app = await createTestApp({ registry, settings: { surroundings } })
  await app.admin('POST', '/api/v1/dns-providers', {
    id: 'dns-main',
    name: 'Main',
    type: 'FakeDns',
    config: { token: 'canary-dns' },
  })
})
afterAll(async () => await app.close())

beforeEach(async () => {
  world = await createWorld(await createMaterial())
  const { directory } = world.ca
  // The clock of the CA is that of the test.
  world.ca.directory = (request, response) => {
    response.setHeader('date', app.services.clock.now().toUTCString())
    directory(request, response)
  }
  told = {
    test: () => ({ detail: 'the account is valid', account: 'https://ca.test/account/7' }),
    fits: true,
    provider: () => ({ detail: 'two zones' }),
  }
  asked.length = 0
})
afterEach(async () => {
  await app.admin('DELETE', '/api/v1/issuers/iss-one')
  await app.admin('DELETE', '/api/v1/issuers/iss-two')
  await world.close()
})

async function addIssuer(id: string, settings: Record<string, unknown> = {}): Promise<void> {
  const config = {
    directory_url: `http://127.0.0.1:${world.ca.port}/directory?token=canary-query`,
    eab_hmac: 'canary-hmac',
    ...settings,
  }
  const { status, text } = await app.admin('POST', '/api/v1/issuers', { id, name: id, type: 'FakeAcme', config })
  if (status !== 201) throw new Error(text)
}

interface Finding {
  code: string
  severity: string
  seen: string
}

async function findings(
  body: Record<string, unknown>,
): Promise<{ all: Finding[]; faults: string[]; json: Record<string, unknown> }> {
  const { status, json, text } = await app.admin('POST', '/api/v1/doctor', body)
  if (status !== 200) throw new Error(text)
  const all = json.findings as Finding[]
  const faults = all.filter(({ severity }) => severity !== 'ok').map(({ code }) => code)
  return { all, faults: [...new Set(faults)].toSorted(), json }
}

staged('POST /api/v1/doctor', () => {
  it('says nothing against a healthy name, with the only issuer and its method', async () => {
    await addIssuer('iss-one', { challenge_type: 'tls-alpn-01' })
    const { faults, json, all } = await findings({ name: 'www.example.com' })
    expect(faults).toEqual([])
    expect(json).toMatchObject({ issuer_id: 'iss-one', method: 'tls-alpn-01' })
    expect(all).toContainEqual({
      code: 'issuer_ok',
      severity: 'ok',
      seen: 'The issuer iss-one works: the account is valid',
    })
    expect(asked.toSorted()).toEqual(['budget www.example.com 1', 'test'])
  })

  it('compares CAA and standing records with the account that the issuer found', async () => {
    await addIssuer('iss-one')
    for (const { records } of [world.zones.example, world.zones.second])
      records.push(
        caa('example.com', 'ca.test; accounturi=https://ca.test/account/8'),
        txt('_validation-persist.www.example.com', 'ca.test; accounturi=https://ca.test/account/9'),
      )
    expect((await findings({ name: 'www.example.com' })).faults).toEqual(['caa_account', 'persist_account'])
  })

  it('names what the issuer, its DNS provider and its limits say, without their secrets', async () => {
    await addIssuer('iss-one', { challenge_type: 'dns-01', dns_provider: 'dns-main' })
    told.test = () => {
      throw new Error('the CA does not know canary-hmac')
    }
    told.provider = () => {
      throw new Error('refused')
    }
    told.fits = false
    const { faults, all } = await findings({ name: '*.example.com' })
    expect(faults).toEqual(['budget_spent', 'issuer_failing', 'provider_failing'])
    expect(JSON.stringify(all)).not.toContain('canary')
    expect(asked).toContain('budget *.example.com 1')
  })

  it('takes an issuer that is asked for, and none where there is a choice', async () => {
    await addIssuer('iss-one')
    await addIssuer('iss-two', { challenge_type: 'dns-01' })
    expect((await findings({ name: 'www.example.com', issuer_id: 'iss-two' })).json).toMatchObject({
      issuer_id: 'iss-two',
      method: 'dns-01',
    })
    const { json, all } = await findings({ name: 'www.example.com' })
    expect(json).not.toHaveProperty('issuer_id')
    expect(json.method).toBe('http-01')
    expect(all.map(({ code }) => code)).not.toContain('directory_ok')
  })

  it('proves wildcards as the issuer would: by DNS where it can write there', async () => {
    await addIssuer('iss-one', { challenge_type: 'http-01' })
    expect((await findings({ name: '*.example.com' })).faults).toContain('wildcard_needs_dns')
    await addIssuer('iss-two', { challenge_type: 'http-01', dns_provider: 'dns-main' })
    const { faults, json } = await findings({ name: '*.example.com', issuer_id: 'iss-two' })
    expect([faults, json.method]).toEqual([[], 'dns-01'])
  })

  it('of an issuer that solves no challenges looks at no port, and calls nothing in DNS a reason to have no certificate', async () => {
    await app.admin('POST', '/api/v1/issuers', { id: 'iss-one', name: 'iss-one', type: 'FakeOwn', config: {} })
    for (const name of ['nothing.example.com', '*.nothing.example.com', 'www.absent.test', '192.0.2.1']) {
      const { all, json } = await findings({ name })
      expect(json).toMatchObject({ issuer_id: 'iss-one', method: 'none' })
      expect(all.filter(({ severity }) => severity === 'error')).toEqual([])
      expect(all.map(({ code }) => code).filter((code) => /^(addresses|port|path|redirect)_/.test(code))).toEqual([])
    }
    for (const { records } of [world.zones.example, world.zones.second]) records.push(caa('example.com', ';'))
    expect((await findings({ name: 'www.example.com' })).all).toContainEqual(
      expect.objectContaining({ code: 'caa_forbids', severity: 'warning' }),
    )
    told.test = () => {
      throw new Error('it is sealed')
    }
    const failing = (await findings({ name: 'www.example.com' })).all
    expect(failing).toContainEqual(expect.objectContaining({ code: 'issuer_failing', severity: 'error' }))
    const asHttp = (await findings({ name: 'nothing.example.com', method: 'http-01' })).all
    expect(asHttp).toContainEqual(expect.objectContaining({ code: 'addresses_missing', severity: 'error' }))
  })

  it('asks the resolvers of the issuer instead of the system’s', async () => {
    world.mood('resolver', () => 'silent')
    await addIssuer('iss-one', { dns_resolvers: [`127.0.0.22:${world.surroundings.dns.port}`] })
    const { faults } = await findings({ name: 'www.example.com' })
    expect(faults).toEqual([])
  })

  it('says that a CA bundle cannot be read, and a directory not be trusted', async () => {
    await addIssuer('iss-one', { ca_bundle_path: '/nonexistent/ca.pem' })
    const { all } = await findings({ name: 'www.example.com' })
    expect(all.find(({ code }) => code === 'directory_unreachable')?.seen).toContain('/nonexistent/ca.pem')
  })

  it('names proxies that are set, and not where they are', async () => {
    const environment = { HTTPS_PROXY: 'http://user:canary@proxy.test:3128' }
    const other = await createTestApp({ environment, settings: { surroundings } })
    const { json, text } = await other.admin('POST', '/api/v1/doctor', { name: 'www.example.com' })
    expect(json.findings).toContainEqual(expect.objectContaining({ code: 'proxy_ignored', severity: 'warning' }))
    expect(text).not.toContain('canary')
    await other.close()
  })

  it('changes nothing: no row of the issuer, no entry of the record', async () => {
    await addIssuer('iss-one')
    const state = async () => [
      (await app.admin('GET', '/api/v1/issuers/iss-one')).json,
      (await app.admin('GET', '/api/v1/audit')).json.total,
      (await app.admin('GET', '/api/v1/events')).json.total,
    ]
    const before = await state()
    await findings({ name: 'www.example.com' })
    expect(await state()).toEqual(before)
  })

  it('is no way to other hosts, ports or addresses: only the port of the name is contacted, and nothing of the answer is repeated', async () => {
    world.web.http = (_, response) => response.setHeader('server', 'canary-server').end('canary-body')
    const { all, faults } = await findings({ name: 'www.example.com' })
    expect(faults).toEqual(['path_taken'])
    expect(JSON.stringify(all)).not.toContain('canary')
    for (const name of ['www.example.com:8080', 'http://www.example.com', 'user@www.example.com', 'www.example.com/x'])
      expect((await findings({ name })).faults).toContain('name_malformed')
  })

  it('refuses viewers and strangers, unknown issuers, and methods that there are not', async () => {
    const body = { name: 'www.example.com' }
    expect((await app.call('POST', '/api/v1/doctor', { body })).status).toBe(401)
    expect((await app.call('POST', '/api/v1/doctor', { body, key: app.keys.viewer })).status).toBe(403)
    expect((await app.admin('POST', '/api/v1/doctor', { ...body, issuer_id: 'nope' })).status).toBe(404)
    expect((await app.admin('POST', '/api/v1/doctor', { ...body, method: 'http-02' })).status).toBe(400)
    expect((await app.admin('POST', '/api/v1/doctor', {})).status).toBe(400)
  })

  it('runs a few times at once and a few times a minute for one principal, and says when again', async () => {
    const rateLimit = { enabled: true, rate: 1000, burst: 1000, principalRate: 1000, principalBurst: 1000 }
    const other = await createTestApp({ settings: { surroundings, rateLimit } })
    for (const { records } of [world.zones.example, world.zones.second]) records.push(a('b.example.com', webAddress))
    const run = async () =>
      await other.call('POST', '/api/v1/doctor', { key: other.keys.operator, body: { name: 'b.example.com' } })
    // None of them ends before the last has come.
    const held: (() => void)[] = []
    let isHeld = true
    world.web.http = (_, response) => {
      const answer = () => response.writeHead(404).end()
      if (isHeld) held.push(answer)
      else answer()
    }
    const runs = [run(), run(), run(), run(), run(), run()]
    let refused = 0
    for (const one of runs) void one.then(({ status }) => (refused += status === 429 ? 1 : 0))
    await until(async () => refused === 2)
    isHeld = false
    for (const answer of held) answer()
    const together = await Promise.all(runs)
    expect(together.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 429, 429])
    const later: number[] = []
    for (let count = 0; count < 7; count += 1) later.push((await run()).status)
    expect(later).toEqual([200, 200, 200, 200, 200, 200, 429])
    const { headers, json } = await run()
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    expect(json.code).toBe('rate_limited')
    expect((await other.admin('POST', '/api/v1/doctor', { name: 'b.example.com' })).status).toBe(200)
    await other.close()
  })
})
