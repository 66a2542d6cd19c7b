import { CertctlError, createRegistry, defineIssuer, defineNotifier, Secret, secret, z } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { createRowStateStore } from '../../src/connectors/row-state-store.js'
import { emitEvent } from '../../src/notify/emit-event.js'
import { sendDue } from '../../src/notify/send-due.js'
import { connectionOf } from '../../src/store/database.js'
import { createTestApp, type TestApp } from './test-app.js'

const fields = { url: secret().describe('Where.'), token: secret().optional().describe('Credential.') }
const nested = {
  hosts: z
    .array(z.strictObject({ password: secret().describe('p') }))
    .optional()
    .describe('List.'),
}

const issuer = defineIssuer({
  type: 'FakeCA',
  displayName: 'A CA for tests',
  configSchema: z.strictObject({ ...fields, ...nested }),
  capabilities: { operations: ['test'], names: ['dns'], honours: [], revocationReasons: [], metered: false },
  create: (config, host) => ({
    issue: async () => ({ status: 'invalid' as const, orderId: 'x', reason: 'a fake' }),
    async test() {
      host.log.warn('about to fail', { config, token: config.token })
      await host.state.put('account', 'canary-state')
      throw new CertctlError('upstream_rejected', `It refuses ${config.token}`)
    },
  }),
})
const notifier = defineNotifier({
  type: 'FakeChannel',
  displayName: 'A channel for tests',
  configSchema: z.strictObject(fields),
  capabilities: { deduplicates: false, resolves: false, recipients: 'fixed' },
  create: (config) => ({
    send: async () => {
      throw new CertctlError('upstream_rejected', `Refused: ${config.url}`)
    },
  }),
})

let app: TestApp
let agent: { id: string; key: string }
const answers: { what: string; text: string }[] = []
/** Shown once, in one answer each. */
const shownOnce: string[] = []

const schema = {
  type: 'object',
  properties: { host: { type: 'string' }, password: { anyOf: [{}, { type: 'string' }], 'x-certctl': 'secret' } },
}
const types = { kind: 'target', aliases: [], capabilities: {}, package: 'p', version: '1' }

beforeAll(async () => {
  const registry = createRegistry()
  registry.add({ kind: 'issuer', definition: issuer, package: 'fake-ca', version: '1' })
  registry.add({ kind: 'notifier', definition: notifier, package: 'fake-channel', version: '1' })
  app = await createTestApp({ registry })
  agent = await app.addAgent('web')
  await fill()
  await crawl()
})
afterAll(async () => await app.close())

async function say(method: string, path: string, body?: unknown, key: string = app.keys.admin) {
  const answer = await app.call(method, path, { key, body })
  answers.push({
    what: `${method} ${path} → ${answer.status}`,
    text: `${JSON.stringify(answer.headers)} ${answer.text}`,
  })
  return answer
}

/** Canaries into every secret setting, right and wrong, and through everything that may repeat them. */
async function fill(): Promise<void> {
  const config = { url: 'canary-url', token: 'canary-token', hosts: [{ password: 'canary-nested' }] }
  await say('POST', '/api/v1/issuers', { id: 'iss-1', name: 'One', type: 'FakeCA', config })
  await say('PUT', '/api/v1/issuers/iss-1', { config: { token: 'canary-token-2' } })
  await say('PUT', '/api/v1/issuers/iss-1', { config: { token: { wrong: 'canary-shape' }, url: '' } })
  await say('PUT', '/api/v1/issuers/iss-1', { config: { token: ['canary-list'], nope: 'canary-unknown' } })
  await say('POST', '/api/v1/issuers/iss-1/test')
  const channel = { url: 'canary-hook', token: 'canary-hook-token' }
  await say('POST', '/api/v1/notifiers', { id: 'ntf-1', name: 'Hook', type: 'FakeChannel', config: channel })
  await say('POST', '/api/v1/notifiers', { name: 'Hook', type: 'FakeChannel', config: channel })
  await app.call('PUT', `/api/v1/agents/${agent.id}/connectors`, {
    key: agent.key,
    body: { connectors: [{ ...types, type: 'Known', schema }] },
  })
  const target = { agent_id: agent.id, config: { host: 'h', password: 'canary-target' } }
  await say('POST', '/api/v1/targets', { id: 't-known', name: 'known', type: 'Known', ...target })
  await say('POST', '/api/v1/targets', { id: 't-unknown', name: 'unknown', type: 'Unknown', ...target })
  await say('PUT', '/api/v1/targets/t-known', { config: { password: { wrong: 'canary-target-shape' } } })
  await say('PUT', '/api/v1/targets/t-known', { config: { password: 'canary-target-2' } })
  await say('GET', '/api/v1/issuers', undefined, 'cck_canary-guessed-key')
  await app.call('POST', '/api/v1/issuers', { key: app.keys.admin, raw: '{"token":"canary-broken-json' })
  await app.services.store.transaction(
    async (tx) => await emitEvent(tx, { type: 'x.happened', severity: 'info', title: 'Something happened' }),
  )
  await sendDue(app.services, new AbortController().signal)
  await makeTokens()
}

async function makeTokens(): Promise<void> {
  const headers = { 'idempotency-key': 'kept' }
  const key = await app.call('POST', '/api/v1/api-keys', {
    key: app.keys.admin,
    body: { name: 'k', role: 'viewer' },
    headers,
  })
  const made = await app.admin('POST', '/api/v1/agents', { name: 'by-hand', hostname: 'h' })
  const token = await app.admin('POST', '/api/v1/join-tokens', {})
  const joined = await app.call('POST', '/api/v1/agents/join', {
    body: { token: token.json.token, name: 'joined', hostname: 'h', os: '', architecture: '', version: '' },
  })
  shownOnce.push(
    ...Object.values(app.keys),
    agent.key,
    String(key.json.key),
    String(made.json.api_key),
    String(token.json.token),
    String(joined.json.api_key),
  )
}

/** Every GET there is, with ids that exist. */
async function crawl(): Promise<void> {
  const ids: Readonly<Record<string, string>> = {
    issuers: 'iss-1',
    notifiers: 'ntf-1',
    targets: 't-known',
    agents: agent.id,
  }
  for (const { operation } of app.app.routes.filter((route) => route.method === 'GET')) {
    const noun = operation.path.split('/')[3] ?? ''
    const own = operation.permission === 'agent.act'
    const path = operation.path.replace(/\{\w+\}/g, ids[noun] ?? 'x')
    await say('GET', path, undefined, own ? agent.key : app.keys.admin)
  }
  await say('GET', '/api/v1/targets/t-unknown')
}

/** All that stands in all tables, as COPY writes it. */
async function dump(): Promise<Map<string, string>> {
  const client = new pg.Client(connectionOf({ url: new Secret(app.services.database.url) }))
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      `select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public' order by 1`,
    )
    const tables = new Map<string, string>()
    for (const { name } of rows) {
      const found = await client.query<{ line: string }>(`select row_to_json(t)::text as line from ${name} t`)
      tables.set(name, found.rows.map(({ line }) => line).join('\n'))
    }
    return tables
  } finally {
    await client.end()
  }
}

/** A secret as it may hide: as it is, in base64 and in hex, as bytea prints. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value)
  return [value, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex')]
}

const canary = 'canary'
const canaryForms = [canary, Buffer.from(canary).toString('hex')]

describe('a secret that was put into a setting', () => {
  it('is in no answer, error and refusal included', () => {
    expect(answers.length).toBeGreaterThan(40)
    const leaks = answers.filter(({ text }) => canaryForms.some((form) => text.includes(form)))
    // The names of fields that nobody knows are repeated, their values are not.
    expect(leaks.map(({ what }) => what)).toEqual([])
  })

  it('is in no line of the log', () => {
    expect(app.services.logged.length).toBeGreaterThan(40)
    const lines = app.services.logged.map((line) => JSON.stringify(line))
    expect(lines.filter((line) => canaryForms.some((form) => line.includes(form)))).toEqual([])
  })

  it('is in no table, not even in a sealed column as it was', async () => {
    const tables = await dump()
    expect(tables.size).toBeGreaterThan(20)
    expect(tables.get('connections')).toContain('FakeCA')
    const leaks = [...tables].filter(([, text]) => canaryForms.some((form) => text.includes(form)))
    expect(leaks.map(([name]) => name)).toEqual([])
  })

  it('is what the connector gets', async () => {
    const state = createRowStateStore(app.services, 'iss-1')
    expect((await state.get('account'))?.value).toBe('canary-state')
    const test = await app.admin('POST', '/api/v1/issuers/iss-1/test')
    expect(test.json.detail).toContain('[secret]')
  })
})

describe('a key that was shown once', () => {
  it('is in no other answer, no line of the log and no table', async () => {
    const tables = await dump()
    const lines = JSON.stringify(app.services.logged)
    for (const key of shownOnce) {
      expect(key.length).toBeGreaterThan(40)
      for (const form of formsOf(key)) {
        expect(answers.filter(({ text }) => text.includes(form))).toEqual([])
        expect(lines.includes(form)).toBe(false)
        expect([...tables].filter(([, text]) => text.includes(form)).map(([name]) => name)).toEqual([])
      }
    }
  })
})

describe('the owning agent', () => {
  it('alone gets the real configuration of its target, with its work', async () => {
    const { clock, store } = app.services
    await store.jobs.insert({
      id: 'job-test',
      kind: 'test',
      state: 'ready',
      agent_id: agent.id,
      target_id: 't-known',
      run_at: clock.now(),
      requested_by: 'test',
      created_at: clock.now(),
    })
    const work = await app.call('GET', `/api/v1/agents/${agent.id}/work?lease=60`, { key: agent.key })
    expect(work.text).toContain('canary-target-2')
    const stranger = await app.addAgent('stranger')
    const other = await app.call('GET', `/api/v1/agents/${stranger.id}/work?lease=60`, { key: stranger.key })
    expect(other.text).not.toContain('canary')
  })
})
