import { describe, expect, it } from '@jest/globals'
import { testTarget } from '../src/index.js'
import { brokenTargets } from './broken/broken-targets.js'
import { cloudConfig, cloudTarget, fakeCloudStore } from './broken/cloud-store.js'
import { fakeProduct, here } from './broken/fake-product.js'
import { fileTarget } from './broken/file-target.js'
import { runLaws } from './broken/run-laws.js'

describe('a sound file target', () => {
  testTarget({ test: it, definition: fileTarget(), config: here, createWorld: () => fakeProduct(), slug: 'example' })
})

describe('a sound file target over a product that ends at a bad reload', () => {
  testTarget({ test: it, definition: fileTarget(), config: here, createWorld: () => fakeProduct({ frail: true }) })
})

describe('a sound target over an API that gives nothing back', () => {
  testTarget({ test: it, definition: cloudTarget(), config: cloudConfig, createWorld: fakeCloudStore, slug: 'cloud' })
})

describe('a target over an API that tells the truth about what it cannot undo', () => {
  testTarget({ test: it, definition: cloudTarget({ keeps: true }), config: cloudConfig, createWorld: fakeCloudStore })
})

describe('every broken target is caught', () => {
  it.each(brokenTargets.map((broken) => [broken.name, broken] as const))('a target that %s', async (_, broken) => {
    const slug = broken.config === here ? 'example' : undefined
    const { failed } = await runLaws((test) => testTarget({ test, ...broken, slug }), broken.caughtBy)
    expect([...failed.keys()]).toEqual([broken.caughtBy])
  })

  it('there are at least fifteen of them, and no law of targets is without one', async () => {
    const { laws } = await runLaws(
      (test) => testTarget({ test, definition: fileTarget(), config: here, createWorld: () => fakeProduct() }),
      'none',
    )
    expect(brokenTargets.length).toBeGreaterThanOrEqual(15)
    expect(laws.filter((law) => !brokenTargets.some(({ caughtBy }) => caughtBy === law))).toEqual([])
  })
})
