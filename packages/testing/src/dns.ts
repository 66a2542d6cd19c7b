import assert from 'node:assert/strict'
import type { DnsDefinition } from '@certctl/core'
import { definitionLaws } from './definition-laws.js'
import { changingLaws } from './dns-laws/changing.js'
import { failingLaws } from './dns-laws/failing.js'
import { guardingLaws } from './dns-laws/guarding.js'
import { namingLaws } from './dns-laws/naming.js'
import { createDnsScene, type DnsScene } from './dns-scene.js'
import type { DnsWorld, DnsZones } from './dns-world.js'
import type { Law, TestFunction } from './law.js'

export interface DnsTestOptions<Config> {
  /** The runner's own: `it`, `test`. */
  test: TestFunction
  definition: DnsDefinition<Config>
  /** As an operator would write it. */
  config: Readonly<Record<string, unknown>>
  /** Fresh zones without TXT records; called for every scene. */
  createWorld(): DnsWorld | Promise<DnsWorld>
  /** The zones of the world; default: example.test and, delegated below it, child.example.test. */
  zones?: DnsZones | undefined
  /** The folder's name without the kind, where it should be compared with the type. */
  slug?: string | undefined
  /** Laws that the product itself cannot keep, by name, with the reason. One that is kept all the same fails: it is no exception. */
  except?: Readonly<Record<string, string>> | undefined
}

const laws: readonly Law<DnsScene>[] = [
  ...definitionLaws,
  ...changingLaws,
  ...namingLaws,
  ...failingLaws,
  ...guardingLaws,
]

/** Registers one test for each law that every DNS provider keeps. */
export function testDns<Config>(options: DnsTestOptions<Config>): void {
  const { test, except = {} } = options
  const unknown = Object.keys(except).find((name) => !laws.some((law) => law.name === name))
  assert.equal(unknown, undefined, 'an exception is from no law of DNS providers')
  const scene = createDnsScene({ ...options, slug: options.slug, zones: options.zones })
  for (const law of laws) {
    const reason = except[law.name]
    if (reason === undefined) test(law.name, () => law.check(scene))
    else test(`not kept here, because ${reason}: ${law.name}`, () => assertBroken(law, scene))
  }
}

async function assertBroken(law: Law<DnsScene>, scene: DnsScene): Promise<void> {
  const kept = await law.check(scene).then(
    () => true,
    () => false,
  )
  assert.ok(!kept, 'the law is kept: the exception is no longer needed')
}
