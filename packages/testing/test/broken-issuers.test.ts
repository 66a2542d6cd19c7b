import { describe, expect, it } from '@jest/globals'
import { testIssuer } from '../src/index.js'
import { brokenIssuers } from './broken/broken-issuers.js'
import { caIssuer } from './broken/ca-issuer.js'
import { caConfig, fakeCa } from './broken/fake-ca.js'
import { runLaws } from './broken/run-laws.js'
import { tinyIssuer, tinyWorld } from './broken/tiny-ca.js'

describe('a sound issuer for a CA that answers later', () => {
  testIssuer({ test: it, definition: caIssuer(), config: caConfig, createWorld: fakeCa, slug: 'example-ca' })
})

describe('a sound issuer that signs at once', () => {
  testIssuer({ test: it, definition: tinyIssuer(), config: {}, createWorld: tinyWorld, slug: 'tiny' })
})

describe('every broken issuer is caught', () => {
  it.each(brokenIssuers.map((broken) => [broken.name, broken] as const))('an issuer that %s', async (_, broken) => {
    const slug = broken.config === caConfig ? 'example-ca' : 'tiny'
    const { failed } = await runLaws((test) => testIssuer({ test, ...broken, slug }), broken.caughtBy)
    expect([...failed.keys()]).toEqual([broken.caughtBy])
  })

  it('there are at least fifteen of them, and no law of issuers is without one', async () => {
    const definition = caIssuer()
    const { laws } = await runLaws(
      (test) => testIssuer({ test, definition, config: caConfig, createWorld: fakeCa }),
      'none',
    )
    expect(brokenIssuers.length).toBeGreaterThanOrEqual(15)
    expect(laws.filter((law) => !brokenIssuers.some(({ caughtBy }) => caughtBy === law))).toEqual([])
  })
})
