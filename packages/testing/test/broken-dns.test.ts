import { describe, expect, it } from '@jest/globals'
import { testDns } from '../src/index.js'
import { brokenDns } from './broken/broken-dns.js'
import { fakeZones, zonesConfig } from './broken/fake-zones.js'
import { runLaws } from './broken/run-laws.js'
import { zoneProvider } from './broken/zone-provider.js'

const scene = { config: zonesConfig, createWorld: fakeZones, slug: 'zones' }
const longValues = 'a value longer than a character string is kept whole'

describe('a sound DNS provider', () => {
  testDns({ test: it, definition: zoneProvider(), ...scene })
})

describe('every broken DNS provider is caught', () => {
  it.each(brokenDns.map((broken) => [broken.name, broken] as const))('one that %s', async (_, broken) => {
    const { failed } = await runLaws((test) => testDns({ test, ...scene, ...broken }), broken.caughtBy)
    expect([...failed.keys()]).toEqual([broken.caughtBy])
  })

  it('there are at least ten of them, and no law of DNS providers is without one', async () => {
    const { laws } = await runLaws((test) => testDns({ test, definition: zoneProvider(), ...scene }), 'none')
    expect(brokenDns.length).toBeGreaterThanOrEqual(10)
    expect(laws.filter((law) => !brokenDns.some(({ caughtBy }) => caughtBy === law))).toEqual([])
  })
})

describe('laws that a product cannot keep', () => {
  const except = { [longValues]: 'the service takes one character string' }

  it('are told with their reason where the product breaks them', async () => {
    const definition = brokenDns.find(({ caughtBy }) => caughtBy === longValues)?.definition ?? zoneProvider()
    const { laws, failed } = await runLaws((test) => testDns({ test, ...scene, definition, except }))
    expect(laws).toContain(`not kept here, because the service takes one character string: ${longValues}`)
    expect([...failed.keys()]).toEqual([])
  })

  it('are no exceptions any more where they are kept', async () => {
    const { failed } = await runLaws((test) => testDns({ test, ...scene, definition: zoneProvider(), except }))
    expect([...failed.values()]).toEqual([expect.stringContaining('no longer needed')])
  })

  it('must be laws', () => {
    const options = { test: it, ...scene, definition: zoneProvider(), except: { 'it is fast': 'it is slow' } }
    expect(() => testDns(options)).toThrow('it is fast')
  })
})
