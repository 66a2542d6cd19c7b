import { CertctlError } from '@certctl/core'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { testConnection } from '../../src/inventory/test-connection.js'
import { updateConnection } from '../../src/inventory/update-connection.js'
import { emitEvent } from '../../src/notify/emit-event.js'
import { createGate } from '../lifecycle/fake-ca.js'
import { operator } from '../lifecycle/scene.js'
import { until } from '../races/steps.js'
import { createNotifierScene, type NotifierScene } from './notifier-scene.js'

let scene: NotifierScene
beforeEach(async () => {
  scene = await createNotifierScene()
  await scene.add('a')
  await scene.add('b')
})
afterEach(async () => await scene.services.close())

const refused = () => new CertctlError('upstream_rejected', 'No such path')
const gone = () => new CertctlError('gone', 'No more messages are wanted')

async function emit(title: string): Promise<void> {
  await scene.services.store.transaction(
    async (tx) => void (await emitEvent(tx, { type: 'certificate.issued', severity: 'info', title })),
  )
}

/** Events that are told to a notifier while its sends end so. */
async function eventsThat(...ends: NotifierScene['fails'][string]): Promise<void> {
  for (const end of ends) {
    scene.fails.a = [end, end]
    await emit('x.test was issued')
    await scene.notify()
  }
  scene.fails.a = []
}

const enable = async () =>
  await updateConnection(scene.services, 'notifier', {
    id: 'a',
    enabled: true,
    actor: operator,
    check: () => undefined,
  })
const test = async () =>
  await testConnection(scene.services, 'notifier', { id: 'a', actor: operator, signal: new AbortController().signal })
const alerts = async () => (await scene.events()).filter((text) => !text.startsWith('certificate.'))
const toldB = () => scene.told.filter(({ to, event }) => to === 'b' && !event.startsWith('certificate.'))

it('that a notifier was disabled is told also where a message of it was lost before', async () => {
  await eventsThat(refused(), gone())
  expect(await alerts()).toEqual(['notification.dead (over)', 'notifier.disabled'])
  const [lost, disabled] = toldB()
  expect(disabled).toMatchObject({ event: 'notifier.disabled', resolves: lost?.id })
})

it('it is told once, however many messages are refused', async () => {
  await eventsThat(refused(), refused(), gone(), refused())
  expect(await alerts()).toEqual(['notification.dead (over)', 'notifier.disabled'])
})

it('the alert is over when the notifier is enabled again, and is told anew where its receiver is gone still', async () => {
  await eventsThat(refused(), gone())
  await enable()
  await scene.notify()
  expect(scene.told.filter(({ to }) => to === 'a').map(({ event }) => event)).toEqual(['notifier.enabled'])
  const [, disabled, enabled] = toldB()
  expect(enabled).toMatchObject({ event: 'notifier.enabled', resolves: disabled?.id })
  await eventsThat(gone())
  expect((await alerts()).at(-1)).toBe('notifier.disabled')
})

it('a message that was on its way when the notifier was disabled does not end the alert', async () => {
  const gate = createGate()
  scene.fails.a = [async () => await gate.pass(), gone()]
  await emit('one')
  const one = scene.notify()
  await gate.reached
  await emit('two')
  await until(async () => {
    await scene.notify()
    return (await alerts()).length > 0
  })
  gate.release()
  await one
  expect(scene.told.filter(({ to }) => to === 'a')).toHaveLength(1)
  expect(await alerts()).toEqual(['notifier.disabled'])
})

it('a test that goes well sends a message where one was lost, and the alert ends when that is accepted', async () => {
  await test()
  expect(await alerts()).toEqual([])
  await eventsThat(refused())
  scene.fails.a = [refused()]
  await test()
  await scene.notify()
  expect(await alerts()).toEqual(['notification.dead', 'notifier.tested'])
  await test()
  await scene.notify()
  expect((await alerts()).toSorted()).toEqual([
    'notification.dead (over)',
    'notifier.tested',
    'notifier.tested',
    'notifier.works_again',
  ])
  // Only the one that was tested is sent it.
  expect(toldB().map(({ event }) => event)).toEqual(['notification.dead', 'notifier.works_again'])
})
