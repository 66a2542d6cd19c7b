import { CertctlError } from '@certctl/core'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import type { EndpointLook } from '../../src/inventory/check-endpoint.js'
import { createHealthCheck } from '../../src/inventory/create-health-check.js'
import { recordHealth } from '../../src/inventory/record-health.js'
import { operator } from '../lifecycle/scene.js'
import { createNotifierScene, type NotifierScene } from './notifier-scene.js'

let scene: NotifierScene
beforeEach(async () => {
  scene = await createNotifierScene()
  await scene.add('a')
  const given = { endpoint: 'www.example.test:443', degraded_threshold: 1, down_threshold: 2, enabled: true }
  await createHealthCheck(scene.services, { given: { id: 'h', timeout_ms: 5000, ...given }, actor: operator })
})
afterEach(async () => await scene.services.close())

type Outcome = EndpointLook['verdict']['outcome']

/** Looks that show this, one after the other, each told before the next. */
async function looks(...outcomes: Outcome[]): Promise<void> {
  for (const outcome of outcomes) {
    await look(outcome)
    await scene.notify()
  }
}

async function look(outcome: Outcome): Promise<void> {
  const check = await scene.services.store.healthChecks.get('h')
  const verdict = (outcome === 'healthy' ? { outcome } : { outcome, reason: 'so it is' }) as EndpointLook['verdict']
  await recordHealth(scene.services, check as never, { verdict, responseMs: 1 } as EndpointLook)
}

/** Each message, and which one before it is taken back with it. */
const told = () =>
  scene.told.map(({ event, resolves }) => {
    const back = scene.told.find(({ id }) => id === resolves)?.event
    return resolves === undefined ? event : `${event}, not ${back ?? resolves}`
  })
const down = () => [new CertctlError('upstream_unavailable', 'It does not answer')]

it.each<{ outcomes: Outcome[]; expected: string[] }>([
  {
    outcomes: ['silent', 'silent', 'healthy'],
    expected: ['endpoint.degraded', 'endpoint.down, not endpoint.degraded', 'endpoint.healthy, not endpoint.down'],
  },
  {
    outcomes: ['mismatch', 'silent', 'mismatch', 'healthy'],
    expected: [
      'endpoint.cert_mismatch',
      'endpoint.down, not endpoint.cert_mismatch',
      'endpoint.cert_mismatch, not endpoint.down',
      'endpoint.healthy, not endpoint.cert_mismatch',
    ],
  },
])(
  'each trouble of an endpoint is taken back by the one that takes its place: $outcomes',
  async ({ outcomes, expected }) => {
    await looks(...outcomes)
    expect(told()).toEqual(expected)
  },
)

it('a milder trouble takes the place of a graver one', async () => {
  await looks('mismatch')
  await scene.services.store.healthChecks.update('h', { consecutive_failures: 0 })
  await looks('bad', 'healthy')
  expect(told()).toEqual([
    'endpoint.cert_mismatch',
    'endpoint.degraded, not endpoint.cert_mismatch',
    'endpoint.healthy, not endpoint.degraded',
  ])
})

it('what nobody was told of before another trouble took its place is not told later', async () => {
  scene.fails.a = down()
  await looks('silent', 'mismatch', 'healthy')
  scene.services.clock.advance(7200)
  await scene.notify()
  const events = scene.told.map(({ event }) => event)
  expect(events).toEqual(['endpoint.cert_mismatch', 'endpoint.healthy'])
})

it('where the message that took the place of another failed, the end takes back that other', async () => {
  await looks('silent')
  scene.fails.a = down()
  await looks('silent', 'healthy')
  expect(told()).toEqual(['endpoint.degraded', 'endpoint.healthy, not endpoint.degraded'])
})

it('where it was not even tried, too', async () => {
  await looks('silent')
  await look('silent')
  await looks('healthy')
  expect(told()).toEqual(['endpoint.degraded', 'endpoint.healthy, not endpoint.degraded'])
})
