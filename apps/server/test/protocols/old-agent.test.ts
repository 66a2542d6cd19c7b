import { readFileSync } from 'node:fs'
import { createCsr, fingerprintOf, generateKey, keyMatches, parseGeneralName, splitCertificates } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { syncEnvironmentInstances } from '../../src/connectors/environment-instances.js'
import { startWorkers } from '../../src/work/worker.js'
import { createTestApp, type TestApp } from '../http/test-app.js'
import { until } from '../races/steps.js'
import { faultsOf, fillIn, readTranscript, type Step } from './transcript.js'

const steps = readTranscript(readFileSync(new URL('./old-agent.transcript.txt', import.meta.url), 'utf8'))

/** Its own key, or what old installations had: a key of an operator, which any agent used. */
const installations = [
  { keys: 'a key of its own', environment: {} },
  { keys: "an operator's key, where that is allowed", environment: { CERTCTL_LEGACY_AGENT_KEYS: 'true' } },
]

let app: TestApp
let isLegacy = false
let workers: { stop(): Promise<void> }
let stranger: { id: string; key: string }
const values = new Map<string, string>()
const keys = new Map<string, string>()

/** As the old agent does it: a new P-256 key each time, the common name, and every name as a DNS name. */
async function makeCsr(name: string): Promise<void> {
  const { privateKeyPem } = await generateKey('EC-P256')
  const names = ['shop.example.org', 'www.shop.example.org'].map(parseGeneralName)
  keys.set(name, privateKeyPem)
  values.set(name, await createCsr({ privateKeyPem, commonName: 'shop.example.org', names }))
}

function variable(name: string): string {
  const value = values.get(name)
  if (value === undefined) throw new Error(`The transcript uses $${name} before there is one`)
  return value
}

function capture(name: string, value: string): void {
  values.set(name, value)
  if (name !== 'certificate_pem') return
  const [leaf = ''] = splitCertificates(value)
  values.set('leaf_pem', leaf)
  values.set('fingerprint', fingerprintOf(leaf))
}

function keyOf(who: string): string {
  if (who === 'operator') return app.keys.operator
  if (who !== 'agent') return stranger.key
  return isLegacy ? app.keys.operator : variable('agent_key')
}

async function replay(step: Step): Promise<void> {
  const call = async () =>
    await app.call(step.method, fillIn(step.path, variable), {
      key: keyOf(step.who),
      raw: step.body === undefined ? undefined : fillIn(step.body, variable, true),
      headers: { 'content-type': 'application/json' },
    })
  let answer = await call()
  // A CSR is sent again while the order takes longer than one call waits.
  await until(async () => {
    if (answer.json.status !== 'order_pending') return true
    answer = await call()
    return false
  })
  const { status, json, text } = answer
  expect([step.title, status, status === step.status ? '' : text]).toEqual([step.title, step.status, ''])
  expect(faultsOf(step.answer ?? {}, json, { variables: variable, capture })).toEqual([])
}

describe.each(installations)('an agent of the first protocol with $keys', ({ environment }) => {
  beforeAll(async () => {
    isLegacy = environment.CERTCTL_LEGACY_AGENT_KEYS !== undefined
    values.clear()
    app = await createTestApp({ environment })
    await syncEnvironmentInstances(app.services, {})
    workers = startWorkers(app.services)
    stranger = await app.addAgent('stranger')
    for (const name of ['csr_1', 'csr_2']) await makeCsr(name)
  })
  afterAll(async () => {
    await workers.stop()
    await app.close()
  })

  for (const step of steps) it(step.title, async () => await replay(step))

  it('got the certificate of the key it made last', () => {
    const pem = variable('leaf_pem')
    expect(keyMatches(pem, keys.get('csr_2') ?? '')).toBe(true)
    expect(keyMatches(pem, keys.get('csr_1') ?? '')).toBe(false)
    expect(splitCertificates(variable('certificate_pem')).length).toBeGreaterThan(0)
  })

  it('left what it saw as a sighting', async () => {
    const { store } = app.services
    const [sighting, ...rest] = await store.discoveries.sightingsOfAgent(variable('agent_id'))
    expect(rest).toEqual([])
    expect(sighting).toMatchObject({ location: '/etc/nginx/tls/site.crt', format: 'PEM' })
  })

  it('is in the record under whichever key it used', async () => {
    const entries = await app.services.store.auditEvents.list({ actor_type: 'Agent' }, { limit: 50 })
    expect(entries.length).toBeGreaterThan(2)
    const name = isLegacy ? 'web1 (with the key "the operator")' : 'web1'
    expect(new Set(entries.map(({ actor }) => actor))).toEqual(new Set([name]))
    const told = await app.services.store.auditEvents.list({ action: 'agent.legacy_key_used' }, { limit: 50 })
    expect(told).toHaveLength(isLegacy ? 1 : 0)
  })
})
