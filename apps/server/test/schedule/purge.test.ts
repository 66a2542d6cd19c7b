import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { answerOnce } from '../../src/inventory/answer-once.js'
import { createJoinToken } from '../../src/inventory/join-tokens.js'
import { emitEvent, type NewEvent } from '../../src/notify/emit-event.js'
import { purge } from '../../src/schedule/purge.js'
import { counted } from '../bulk/fleet.js'
import { operator } from '../lifecycle/scene.js'
import { createTestServices, type TestServices } from '../postgres.js'

const never = new AbortController().signal
const day = 86_400

let services: TestServices
beforeAll(async () => {
  services = await createTestServices({
    environment: {
      CERTCTL_EVENT_RETENTION: '10d',
      CERTCTL_DISCOVERY_RETENTION: '10d',
      CERTCTL_HEALTH_CHECK_HISTORY_RETENTION: '10d',
    },
  })
})
afterAll(async () => await services.close())

const emit = async (title: string, more: Partial<NewEvent> = {}) =>
  await services.store.transaction(
    async (tx) => await emitEvent(tx, { type: 'test.event', severity: 'info', title, ...more }),
  )
const titles = async () =>
  (await services.store.events.page({}, { limit: 100, count: false })).rows.map(({ title }) => title).toSorted()
const route = async () => {
  const rows = await services.store.events.lockUnrouted(100)
  await services.store.events.markRouted(
    rows.map(({ id }) => id),
    services.clock.now(),
  )
}

describe('what goes with time', () => {
  it('are events, but not open alerts, nor what is still to be told, nor what a younger event resolved', async () => {
    await emit('old')
    await emit('old alert, open', { severity: 'warning', alertKey: 'open' })
    await emit('old alert, resolved long ago', { severity: 'warning', alertKey: 'closed' })
    await emit('its end', { resolves: 'closed' })
    await emit('old alert, resolved lately', { severity: 'warning', alertKey: 'lately' })
    await route()
    await emit('old, never routed')
    services.clock.advance(11 * day)
    await emit('the late end', { resolves: 'lately' })
    await emit('young')
    await purge.run(services, never)
    expect(await titles()).toEqual(
      ['old alert, open', 'old alert, resolved lately', 'old, never routed', 'the late end', 'young'].toSorted(),
    )
  })

  it('are what was told of them, once nobody waits for it', async () => {
    const { store, clock } = services
    const now = clock.now()
    const notifier = { kind: 'notifier', type: 'Webhook', name: 'hook', config: '{}', source: 'api' } as const
    await store.connections.insert({ id: 'hook', ...notifier, created_at: now, updated_at: now })
    const [told, waiting] = [await emit('told'), await emit('waiting')]
    await route()
    const usual = { connection_id: 'hook', attempts: 1, created_at: now }
    await store.notifications.insertMany([
      { id: 'n-1', event_id: told ?? '', state: 'sent', ...usual },
      { id: 'n-2', event_id: waiting ?? '', state: 'failed', next_try_at: now, ...usual },
    ])
    clock.advance(11 * day)
    await purge.run(services, never)
    expect(await store.notifications.listOfEvent(told ?? '')).toEqual([])
    expect(await store.notifications.listOfEvent(waiting ?? '')).toHaveLength(1)
    expect((await titles()).filter((title) => ['told', 'waiting'].includes(title))).toEqual(['waiting'])
  })

  it('are places where nothing is found any more, and scans that nothing refers to', async () => {
    const { store, clock } = services
    const now = clock.now()
    await store.agents.insert({ id: 'agent-a', name: 'a', key_hash: Buffer.from('a'), registered_at: now })
    const scan = async (id: string) =>
      await store.discoveries.insertScan({ id, agent_id: 'agent-a', started_at: clock.now() })
    const found = { id: 'd-1', fingerprint: 'ab'.repeat(32), not_before: now, not_after: now, first_seen_at: now }
    await store.discoveries.insertDiscovered([found as never])
    const seen = async (scanId: string, location: string) => {
      const at = { first_seen_at: clock.now(), last_seen_at: clock.now() }
      const row = { discovered_id: 'd-1', agent_id: 'agent-a', scan_id: scanId, location, ...at }
      await store.discoveries.recordSightings([row])
    }
    await scan('scan-old')
    await seen('scan-old', '/gone')
    clock.advance(11 * day)
    await scan('scan-new')
    await seen('scan-new', '/there')
    await purge.run(services, never)
    expect((await store.discoveries.sightingsOfAgent('agent-a')).map(({ location }) => location)).toEqual(['/there'])
    expect(await store.discoveries.lockScan('scan-old')).toBeUndefined()
    expect(await store.discoveries.lockScan('scan-new')).toBeDefined()
  })

  it('are looks at endpoints', async () => {
    const { store, clock } = services
    const now = clock.now()
    const usual = { endpoint: 'a:443', check_interval_seconds: 60, timeout_ms: 1000, created_at: now, updated_at: now }
    await store.healthChecks.insert({ id: 'hc', ...usual })
    const look = async (id: string) =>
      await store.healthChecks.insertResult({ id, health_check_id: 'hc', status: 'healthy', checked_at: clock.now() })
    await look('old')
    clock.advance(11 * day)
    await look('young')
    await purge.run(services, never)
    expect((await store.healthChecks.history('hc', 10)).rows.map(({ id }) => id)).toEqual(['young'])
  })

  it('are answers kept for repeated requests', async () => {
    const principal = { kind: 'key', id: 'key-1', name: 'one', role: 'admin' } as const
    const ask = async (key: string) => {
      const call = { principal, address: '192.0.2.1', key, method: 'POST', path: '/api/v1/x', body: {} }
      await answerOnce(services, call, async () => ({ status: 201, headers: {}, body: '' }))
    }
    await ask('old')
    services.clock.advance(1)
    await ask('young')
    services.clock.advance(day - 1)
    await purge.run(services, never)
    expect(await counted(services, `idempotency_keys where key = 'old'`)).toBe(0)
    expect(await counted(services, `idempotency_keys where key = 'young'`)).toBe(1)
  })

  it('are join tokens that expired', async () => {
    const { store, clock } = services
    await createJoinToken(services, { expiresInSeconds: 3600, caSpkiSha256: 'ab'.repeat(32), actor: operator })
    await purge.run(services, never)
    expect((await store.joinTokens.page({ limit: 10, count: false })).rows).toHaveLength(1)
    clock.advance(11 * day)
    await purge.run(services, never)
    expect((await store.joinTokens.page({ limit: 10, count: false })).rows).toEqual([])
  })
})
