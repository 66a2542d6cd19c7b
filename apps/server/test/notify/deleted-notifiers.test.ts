import { CertctlError } from '@certctl/core'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { deleteConnection } from '../../src/inventory/delete-connection.js'
import { emitEvent } from '../../src/notify/emit-event.js'
import { routeEvents } from '../../src/notify/route-events.js'
import { operator } from '../lifecycle/scene.js'
import { holdTransaction, untilBlocked } from '../races/steps.js'
import { createNotifierScene, type NotifierScene } from './notifier-scene.js'

let scene: NotifierScene
beforeEach(async () => {
  scene = await createNotifierScene()
  await scene.add('a')
  await scene.add('b')
})
afterEach(async () => await scene.services.close())

const emit = async (title: string): Promise<string> =>
  await scene.services.store.transaction(
    async (tx) => (await emitEvent(tx, { type: 'certificate.issued', severity: 'info', title })) ?? '',
  )
const deleted = async (id: string) =>
  await deleteConnection(scene.services, 'notifier', { id, actor: operator }).then(
    () => 'deleted',
    (error: unknown) => error,
  )
const notifiers = async () => (await scene.services.store.connections.list('notifier')).map(({ id }) => id)
const rows = async (event: string) =>
  (await scene.services.store.notifications.listOfEvent(event)).map(
    ({ connection_id: notifier, channel, state, last_error: reason }) => ({ notifier, channel, state, reason }),
  )

it('a notifier that was sent messages is deleted: what was told stays known, and what was not is not sent', async () => {
  const sent = await emit('one')
  await scene.notify()
  scene.fails.a = [new CertctlError('upstream_unavailable', 'It does not answer')]
  const failed = await emit('two')
  await scene.notify()
  expect(await deleted('a')).toBe('deleted')
  expect(await notifiers()).toEqual(['b'])
  const ofB = { notifier: 'b', channel: null, state: 'sent', reason: null }
  expect(await rows(sent)).toEqual([ofB, { notifier: null, channel: 'a', state: 'sent', reason: null }])
  expect(await rows(failed)).toEqual([
    ofB,
    { notifier: null, channel: 'a', state: 'dead', reason: 'The notifier was deleted' },
  ])
  scene.services.clock.advance(7200)
  await emit('three')
  await scene.notify()
  expect(scene.told.map(({ to, title }) => `${to} ${title}`)).toEqual(
    expect.arrayContaining(['a one', 'b one', 'b two', 'b three']),
  )
  expect(scene.told).toHaveLength(4)
})

it('the alert of a notifier that is deleted is over', async () => {
  scene.fails.a = [new CertctlError('upstream_rejected', 'No such path'), new CertctlError('upstream_rejected', 'No')]
  await emit('one')
  await scene.notify()
  expect(await deleted('a')).toBe('deleted')
  await scene.notify()
  expect(await scene.events()).toEqual(['certificate.issued', 'notification.dead (over)', 'notifier.deleted'])
  const [, alert, end] = scene.told
  expect(end).toMatchObject({ to: 'b', event: 'notifier.deleted', resolves: alert?.id })
})

it('one that is deleted while an event is routed to it is deleted once that is done', async () => {
  const event = await emit('one')
  const routing = await holdTransaction(scene.services, async (tx) => {
    const [first] = await tx.connections.holdNotifiers()
    await tx.notifications.insertMany([
      { id: 'n1', event_id: event, connection_id: first?.id ?? '', state: 'pending', created_at: tx.now },
    ])
  })
  const deleting = deleted('a')
  await untilBlocked(scene.services)
  await routing.commit()
  expect(await deleting).toBe('deleted')
  expect(await rows(event)).toMatchObject([{ notifier: null, channel: 'a', state: 'dead' }])
})

it('an event that is routed while a notifier is deleted is told to the others', async () => {
  const event = await emit('one')
  const deleting = await holdTransaction(scene.services, async (tx) => {
    await tx.connections.holdForRemoval('a')
    await tx.connections.remove('a')
  })
  const routing = routeEvents(scene.services)
  await untilBlocked(scene.services)
  await deleting.commit()
  expect(await routing).toBe(1)
  expect((await rows(event)).map(({ notifier }) => notifier)).toEqual(['b'])
})
