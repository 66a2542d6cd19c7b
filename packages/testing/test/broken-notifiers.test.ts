import { describe, expect, it } from '@jest/globals'
import { testNotifier } from '../src/index.js'
import { brokenNotifiers } from './broken/broken-notifiers.js'
import { fakePager, pagerConfig } from './broken/fake-pager.js'
import { pagerNotifier } from './broken/pager-notifier.js'
import { runLaws } from './broken/run-laws.js'

const scene = { config: pagerConfig, createWorld: fakePager, slug: 'pager' }

describe('a sound notifier', () => {
  testNotifier({ test: it, definition: pagerNotifier(), ...scene })
})

describe('every broken notifier is caught', () => {
  it.each(brokenNotifiers.map((broken) => [broken.name, broken] as const))('a notifier that %s', async (_, broken) => {
    const { failed } = await runLaws((test) => testNotifier({ test, ...scene, ...broken }), broken.caughtBy)
    expect([...failed.keys()]).toEqual([broken.caughtBy])
  })

  it('there are at least ten of them, and no law of notifiers is without one', async () => {
    const { laws } = await runLaws((test) => testNotifier({ test, definition: pagerNotifier(), ...scene }), 'none')
    expect(brokenNotifiers.length).toBeGreaterThanOrEqual(10)
    expect(laws.filter((law) => !brokenNotifiers.some(({ caughtBy }) => caughtBy === law))).toEqual([])
  })
})
