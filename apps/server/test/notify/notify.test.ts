import { setTimeout as pause } from 'node:timers/promises'
import { CertctlError, createRegistry, defineNotifier, type Message, type RecipientOutcome, z } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { emitEvent, type NewEvent } from '../../src/notify/emit-event.js'
import { sendDue } from '../../src/notify/send-due.js'
import { startNotifier } from '../../src/notify/worker.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { until } from '../races/steps.js'

type Sent = { to: string } & Pick<
  Message,
  'id' | 'event' | 'resolves' | 'title' | 'text' | 'severity' | 'data' | 'facts'
>

let services: TestServices
let sent: Sent[]
/** What the next sends do; when it is used up they are accepted. */
let fails: (Error | { recipients: RecipientOutcome[] } | 'silence')[]

const channel = defineNotifier({
  type: 'Channel',
  displayName: 'A channel for tests',
  configSchema: z.strictObject({ to: z.string().describe('Where to.') }),
  capabilities: { deduplicates: true, resolves: true, recipients: 'fixed' },
  create: ({ to }) => ({
    async send({ id, event, resolves, title, text, severity, data, facts }) {
      const outcome = fails.shift()
      if (outcome instanceof Error) throw outcome
      if (outcome === 'silence') return await new Promise<never>(() => undefined)
      sent.push({ to, id, event, resolves, title, text, severity, data, facts })
      return { reference: `ref-${sent.length}`, ...outcome }
    },
  }),
})

beforeEach(async () => {
  const registry = createRegistry()
  registry.add({ kind: 'notifier', definition: channel, package: 'channel', version: '1' })
  services = await createTestServices({ registry })
  sent = []
  fails = []
})
afterEach(async () => await services.close())

async function addNotifier(id: string, type = 'Channel'): Promise<void> {
  const now = services.clock.now()
  await services.store.connections.insert({
    id,
    kind: 'notifier',
    type,
    name: id,
    config: JSON.stringify({ to: id }),
    secrets: null,
    source: 'api',
    created_at: now,
    updated_at: now,
  })
}

async function emit(event: Partial<NewEvent> = {}): Promise<string | undefined> {
  return await services.store.transaction(
    async (tx) =>
      await emitEvent(tx, { type: 'certificate.issued', severity: 'info', title: 'shop.test was issued', ...event }),
  )
}

const never = new AbortController().signal
const notify = async (): Promise<void> => await sendDue(services, never)

async function rows(eventId: string | undefined) {
  return await services.store.notifications.listOfEvent(eventId ?? '')
}

const down = new CertctlError('upstream_unavailable', 'It does not answer')

describe('an event', () => {
  it('that names a channel that is no notifier was never sent there: its notification says why, and everybody is told', async () => {
    await addNotifier('mail')
    await addNotifier('off')
    await services.store.connections.update('off', { enabled: false })
    const id = await emit({ data: { channels: ['OpsGenie', 'off'] } })
    await notify()
    const found = await rows(id)
    expect(found.filter(({ state }) => state === 'sent')).toMatchObject([{ connection_id: 'mail' }])
    expect(found.filter(({ state }) => state === 'dead')).toMatchObject([
      { connection_id: null, channel: 'OpsGenie', last_error: expect.stringContaining('certctl notifiers create') },
      { connection_id: null, channel: 'off', last_error: expect.stringContaining('is disabled') },
    ])
    expect(sent.filter(({ event }) => event === 'notification.unreachable')).toHaveLength(2)
  })

  it('that is a graver alert in the place of a milder one does not say that the cause is gone', async () => {
    await addNotifier('a')
    await emit({ severity: 'warning', alertKey: 'x:warning' })
    await notify()
    await emit({ severity: 'critical', alertKey: 'x:critical', resolves: 'x:warning' })
    await notify()
    expect(sent.at(-1)?.text).toContain('Somebody must act now.')
    expect(sent.at(-1)?.text).not.toContain('is gone')
  })

  it('is told once to every notifier that is enabled', async () => {
    await addNotifier('a')
    await addNotifier('b')
    await addNotifier('off')
    await services.store.connections.update('off', { enabled: false })
    const id = await emit({ certificateId: 'cert-1', data: { not_after: '2027-01-01' } })
    await notify()
    await notify()
    expect(sent.map(({ to }) => to).sort()).toEqual(['a', 'b'])
    expect(await rows(id)).toMatchObject([
      { connection_id: 'a', state: 'sent', attempts: 1, last_error: null },
      { connection_id: 'b', state: 'sent', attempts: 1 },
    ])
    expect((await rows(id)).map(({ reference }) => reference).sort()).toEqual(['ref-1', 'ref-2'])
  })

  it('reads as one sentence with facts, for people and for programs', async () => {
    await addNotifier('a')
    const id = await emit({
      certificateId: 'cert-1',
      severity: 'critical',
      title: 'shop.test ends in 2 days and cannot be renewed',
      data: { days_left: 2, cause: 'The CA does not answer', holder_id: 'h1', nested: { a: 1 } },
    })
    await notify()
    expect(sent[0]).toMatchObject({
      title: 'shop.test ends in 2 days and cannot be renewed',
      facts: [
        { label: 'Certificate', value: 'cert-1' },
        { label: 'Cause', value: 'The CA does not answer' },
        { label: 'Days left', value: '2' },
      ],
      data: { days_left: 2, certificate_id: 'cert-1', event_id: id, nested: { a: 1 } },
    })
    expect(sent[0]?.text).toBe(
      [
        'shop.test ends in 2 days and cannot be renewed.',
        'Somebody must act now.',
        'Certificate: cert-1',
        'Cause: The CA does not answer',
        'Days left: 2',
        'Time: 2026-11-25T12:00:00.000Z',
      ].join('\n'),
    )
  })

  it('of a transaction that was undone is never told', async () => {
    await addNotifier('a')
    const undone = services.store.transaction(async (tx) => {
      await emitEvent(tx, { type: 'x', severity: 'info', title: 'x' })
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    await notify()
    expect(sent).toEqual([])
  })

  it('is told in the order in which it happened', async () => {
    await addNotifier('a')
    for (const title of ['one', 'two', 'three']) {
      await emit({ title })
      await notify()
    }
    expect(sent.map(({ title }) => title)).toEqual(['one', 'two', 'three'])
  })
})

describe('a message that is not accepted', () => {
  beforeEach(async () => await addNotifier('a'))

  it('is tried again after 1, 5, 15 and 60 minutes, under the same id, and then called dead', async () => {
    fails = [down, down, down, down, down]
    const id = await emit()
    const states: string[] = []
    await notify()
    for (const pause of [60, 300, 900, 3600]) {
      states.push((await rows(id))[0]?.state ?? '')
      const attempts = (await rows(id))[0]?.attempts
      services.clock.advance(pause - 1)
      await notify()
      expect((await rows(id))[0]?.attempts).toBe(attempts)
      services.clock.advance(1)
      await notify()
    }
    states.push((await rows(id))[0]?.state ?? '')
    expect(states).toEqual(['failed', 'failed', 'failed', 'failed', 'dead'])
    expect(await rows(id)).toMatchObject([
      { attempts: 5, last_error_code: 'upstream_unavailable', last_error: 'It does not answer', sent_at: null },
    ])
  })

  it('is sent when its notifier answers again', async () => {
    fails = [down]
    const id = await emit()
    await notify()
    expect(sent).toEqual([])
    services.clock.advance(60)
    await notify()
    expect(sent).toHaveLength(1)
    expect(await rows(id)).toMatchObject([{ state: 'sent', attempts: 2, last_error: null }])
  })

  it('waits as long as the service asks', async () => {
    fails = [new CertctlError('rate_limited', 'Slow down', { retryAfterSeconds: 600 })]
    const id = await emit()
    await notify()
    expect((await rows(id))[0]?.next_try_at).toEqual(new Date(services.clock.now().getTime() + 600_000))
  })

  it('for good is dead at once, and somebody else is told', async () => {
    await addNotifier('b')
    fails = [new CertctlError('upstream_rejected', 'The channel is archived')]
    await emit()
    await notify()
    const { rows: events } = await services.store.events.page({ type: 'notification.dead' }, { limit: 9, count: false })
    expect(events).toMatchObject([{ severity: 'warning', data: { code: 'upstream_rejected' } }])
    expect(sent.map(({ event }) => event).sort()).toContain('notification.dead')
  })

  it('raises one alert, not one each, until a message is accepted again', async () => {
    const refused = new CertctlError('upstream_rejected', 'no')
    fails = [refused, refused, refused, refused]
    for (const title of ['one', 'two']) await emit({ title })
    await notify()
    const count = async (type: string) =>
      (await services.store.events.page({ type }, { limit: 99, count: false })).rows.length
    expect(await count('notification.dead')).toBe(1)
    fails = []
    await emit({ title: 'three' })
    await notify()
    expect(await count('notifier.works_again')).toBe(1)
  })

  it('because its receiver is gone for good disables the notifier, and says so', async () => {
    await addNotifier('b')
    fails = [new CertctlError('gone', 'Gone')]
    await emit()
    await notify()
    const gone = (await services.store.connections.list('notifier')).filter(({ enabled }) => !enabled)
    expect(gone).toHaveLength(1)
    expect(sent.some(({ event, to }) => event === 'notifier.disabled' && to !== gone[0]?.id)).toBe(true)
  })

  it('never counts as sent when its connector is missing', async () => {
    await addNotifier('lost', 'NotInstalled')
    const id = await emit()
    await notify()
    expect((await rows(id)).find((row) => row.connection_id === 'lost')).toMatchObject({
      state: 'failed',
      last_error_code: 'unsupported',
    })
  })

  it('by any of its recipients is not sent; by some, it is, and names the others', async () => {
    const refused = { recipient: 'x@a.test', accepted: false, permanent: true, detail: '550' }
    fails = [{ recipients: [refused] }]
    const none = await emit({ title: 'none' })
    await notify()
    expect(await rows(none)).toMatchObject([{ state: 'dead', last_error: expect.stringContaining('x@a.test (550)') }])
    fails = [{ recipients: [refused, { recipient: 'y@a.test', accepted: true }] }]
    const some = await emit({ title: 'some' })
    await notify()
    expect(await rows(some)).toMatchObject([{ state: 'sent', last_error: 'Not accepted for x@a.test (550)' }])
  })

  it('that a sender took with it when it died is sent by another', async () => {
    const id = await emit()
    await services.store.transaction(async (tx) => {
      const [event] = await tx.events.lockUnrouted(1)
      await tx.notifications.insertMany([
        {
          id: 'notif-1',
          event_id: id ?? '',
          connection_id: 'a',
          state: 'pending',
          next_try_at: tx.now,
          created_at: tx.now,
        },
      ])
      await tx.events.markRouted([event?.id ?? ''], tx.now)
    })
    const at = services.clock.now()
    await services.store.notifications.claimDue({ at, until: new Date(at.getTime() + 120_000) })
    await notify()
    expect(sent).toEqual([])
    services.clock.advance(120)
    await notify()
    expect(sent).toHaveLength(1)
  })
})

describe('an alert', () => {
  beforeEach(async () => await addNotifier('a'))
  const alert = { type: 'renewal.failed', severity: 'warning', title: 'it fails', alertKey: 'renewal h1' } as const

  it('is told once while it is open', async () => {
    expect(await emit(alert)).toBeDefined()
    expect(await emit(alert)).toBeUndefined()
    await notify()
    expect(sent).toHaveLength(1)
  })

  it('is told again in its next life', async () => {
    await emit(alert)
    await emit({ type: 'renewal.works', title: 'renewed', resolves: 'renewal h1' })
    await emit(alert)
    await notify()
    expect(sent.filter(({ event }) => event === 'renewal.failed')).toHaveLength(1)
    const { rows: events } = await services.store.events.page({ type: alert.type }, { limit: 9, count: false })
    expect(events).toHaveLength(2)
  })

  it('is taken back by the message that its cause is gone', async () => {
    await emit(alert)
    await notify()
    await emit({ type: 'renewal.works', title: 'renewed', resolves: 'renewal h1' })
    await notify()
    expect(sent).toMatchObject([{ event: 'renewal.failed' }, { event: 'renewal.works', resolves: sent[0]?.id }])
    expect(sent[1]?.text).toContain('The cause of an earlier alert is gone.')
  })

  it('that nobody was told of is not told after its cause is gone, and there is nothing to take back', async () => {
    await emit(alert)
    await emit({ type: 'renewal.works', title: 'renewed', resolves: 'renewal h1' })
    await notify()
    const resolving = sent.find(({ event }) => event === 'renewal.works')
    expect(resolving?.resolves).toBeUndefined()
    expect(sent.some(({ event }) => event === 'renewal.failed')).toBe(false)
  })

  it('whose delivery is not known to have failed is taken back all the same, and not sent again', async () => {
    fails = [down]
    const id = await emit(alert)
    await notify()
    await emit({ type: 'renewal.works', title: 'renewed', resolves: 'renewal h1' })
    services.clock.advance(3600)
    await notify()
    const [message] = await rows(id)
    expect(sent).toMatchObject([{ event: 'renewal.works', resolves: message?.id }])
    expect(message).toMatchObject({ state: 'dead', last_error: 'The cause was gone before this was delivered' })
  })

  it('of another key stays open', async () => {
    await emit(alert)
    await emit({ type: 'renewal.works', title: 'renewed', resolves: 'renewal h2' })
    expect(await services.store.events.isOpen('renewal h1')).toBe(true)
  })
})

describe('the worker', () => {
  it('tells of an event as soon as its transaction commits, and ends what it is doing when it is stopped', async () => {
    await addNotifier('a')
    const worker = startNotifier(services, { pollSeconds: 3600 })
    await emit()
    await until(async () => sent.length > 0)
    await worker.stop()
    expect(sent).toHaveLength(1)
    await emit()
    expect(sent).toHaveLength(1)
  })

  it('gives up a connector that neither answers nor ends, and tells of it like of any failure', async () => {
    await addNotifier('a')
    fails = ['silence']
    const id = await emit()
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] })
    try {
      const told = notify()
      while (fails.length > 0) await new Promise(setImmediate)
      // What is asked of the database meanwhile keeps its time by the same timers.
      await pause(500)
      await jest.advanceTimersByTimeAsync(40_000)
      await told
    } finally {
      jest.useRealTimers()
    }
    expect(await rows(id)).toMatchObject([{ state: 'failed', last_error_code: 'upstream_unavailable' }])
  })

  it('of two copies sends each message once', async () => {
    await addNotifier('a')
    const other = await createTestServices({
      database: services.database,
      registry: services.registry,
      serverId: 'two',
      clock: services.clock,
    })
    try {
      for (let n = 0; n < 30; n++) await emit({ title: `event ${n}` })
      await Promise.all([notify(), sendDue(other, never), notify()])
      await notify()
      expect(new Set(sent.map(({ title }) => title)).size).toBe(30)
      expect(sent).toHaveLength(30)
    } finally {
      await other.close()
    }
  })
})
