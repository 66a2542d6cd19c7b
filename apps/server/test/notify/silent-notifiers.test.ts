import { createRegistry, defineNotifier, z } from '@certctl/core'
import { expect, it } from '@jest/globals'
import { emitEvent } from '../../src/notify/emit-event.js'
import { sendDue } from '../../src/notify/send-due.js'
import { createGate } from '../lifecycle/fake-ca.js'
import { createTestServices } from '../postgres.js'
import { until } from '../races/steps.js'

it('a notifier that does not answer keeps nobody from being told by another one, also of what happens meanwhile', async () => {
  const gate = createGate()
  const sent: string[] = []
  const definition = defineNotifier({
    type: 'Channel',
    displayName: 'A channel for tests',
    configSchema: z.strictObject({ to: z.string().describe('Where to.') }),
    capabilities: { deduplicates: true, resolves: true, recipients: 'fixed' },
    create: ({ to }) => ({
      async send({ title }) {
        if (to === 'silent') await gate.pass()
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
    await services.store.connections.insert({ ...row, id: 'silent', name: 'silent', config: '{"to":"silent"}' })
    for (let n = 0; n < 20; n += 1) await emit(`event ${n}`)
    const telling = sendDue(services, new AbortController().signal)
    await gate.reached
    await services.store.connections.insert({ ...row, id: 'other', name: 'other', config: '{"to":"other"}' })
    await emit('event 20')
    await until(async () => sent.includes('other: event 20'), 'the other notifier tells of it')
    expect(sent.filter((one) => one.startsWith('silent'))).toEqual([])
    gate.release()
    await telling
    expect(sent).toHaveLength(22)
  } finally {
    await services.close()
  }
})
