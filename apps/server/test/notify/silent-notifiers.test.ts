import { CertctlError, createRegistry, defineNotifier, z } from '@certctl/core'
import { expect, it } from '@jest/globals'
import { emitEvent } from '../../src/notify/emit-event.js'
import { sendDue } from '../../src/notify/send-due.js'
import { widelyHeard } from '../../src/widely-heard.js'
import { createGate } from '../lifecycle/fake-ca.js'
import { createTestServices } from '../postgres.js'
import { until } from '../races/steps.js'

it('eight notifiers that do not answer keep nobody from being told by another one, also of what happens meanwhile', async () => {
  const gate = createGate()
  const sent: string[] = []
  const silent = 8
  let underWay = 0
  const definition = defineNotifier({
    type: 'Channel',
    displayName: 'A channel for tests',
    configSchema: z.strictObject({ to: z.string().describe('Where to.') }),
    capabilities: { deduplicates: true, resolves: true, recipients: 'fixed' },
    create: ({ to }) => ({
      async send({ title }) {
        if (to === 'silent') {
          underWay += 1
          await gate.pass()
        }
        sent.push(`${to}: ${title}`)
        return {}
      },
    }),
  })
  const registry = createRegistry()
  registry.add({ kind: 'notifier', definition, package: 'channel', version: '1' })
  const services = await createTestServices({ registry })
  const now = services.clock.now()
  const row = {
    kind: 'notifier',
    type: 'Channel',
    secrets: null,
    source: 'api',
    created_at: now,
    updated_at: now,
  } as const
  const emit = async (title: string) =>
    await services.store.transaction(
      async (tx) => void (await emitEvent(tx, { type: 'certificate.issued', severity: 'info', title })),
    )
  try {
    for (let n = 0; n < silent; n += 1)
      await services.store.connections.insert({ ...row, id: `s${n}`, name: `s${n}`, config: '{"to":"silent"}' })
    for (let n = 0; n < 20; n += 1) await emit(`event ${n}`)
    const telling = sendDue(services, widelyHeard().signal)
    await until(async () => underWay === 4 * silent, 'they have all that each may')
    await services.store.connections.insert({ ...row, id: 'other', name: 'other', config: '{"to":"other"}' })
    await emit('event 20')
    await until(async () => sent.includes('other: event 20'), 'the other notifier tells of it')
    expect(sent.filter((one) => one.startsWith('silent'))).toEqual([])
    gate.release()
    await telling
    expect(sent).toHaveLength(21 * silent + 1)
  } finally {
    await services.close()
  }
})

it('a notifier whose receiver asks for patience until the year 9999 is tried again within the hour, and is told of by others', async () => {
  const definition = defineNotifier({
    type: 'Channel',
    displayName: 'A channel for tests',
    configSchema: z.strictObject({}),
    capabilities: { deduplicates: true, resolves: true, recipients: 'fixed' },
    create: () => ({
      async send() {
        throw new CertctlError('rate_limited', 'Slow down', { retryAfterSeconds: 2.5e11 })
      },
    }),
  })
  const registry = createRegistry()
  registry.add({ kind: 'notifier', definition, package: 'channel', version: '1' })
  const services = await createTestServices({ registry })
  const { store, clock } = services
  const now = clock.now()
  const hook = { id: 'hook', kind: 'notifier', type: 'Channel', name: 'hook', config: '{}', source: 'api' } as const
  try {
    await store.connections.insert({ ...hook, created_at: now, updated_at: now })
    const event = { type: 'certificate.ending', severity: 'critical', title: 'It ends' } as const
    const id = (await store.transaction(async (tx) => await emitEvent(tx, event))) ?? ''
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await sendDue(services, widelyHeard().signal)
      const next_try_at = new Date(clock.now().getTime() + 3_600_000)
      expect(await store.notifications.listOfEvent(id)).toMatchObject([{ state: 'failed', next_try_at }])
      clock.advance(3600)
    }
    await sendDue(services, widelyHeard().signal)
    expect(await store.notifications.listOfEvent(id)).toMatchObject([{ state: 'dead', attempts: 5 }])
    expect(await store.events.isOpen('notifier hook')).toBe(true)
  } finally {
    await services.close()
  }
})
