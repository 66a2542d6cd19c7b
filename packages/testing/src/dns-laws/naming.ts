import assert from 'node:assert/strict'
import { isCertctlError } from '@certctl/core'
import { assertHolds, assertTyped, type DnsScene, failureOf, otherNames, presentAll } from '../dns-scene.js'
import type { Law } from '../law.js'
import { createTestRecord } from '../test-record.js'

/** Where a record goes. */
export const namingLaws: readonly Law<DnsScene>[] = [
  {
    name: 'a name is absolute and belongs to the deepest zone that holds it',
    check: async (scene) => {
      const { parent, child } = scene.zones
      const domains = [parent, `www.${parent}`, `a.b.c.${parent}`, child, `www.${child}`, `a.b.${child}`]
      for (const domain of domains)
        await scene.inWorld(async (world) => {
          const record = createTestRecord(domain, 1)
          const before = await otherNames(world, record.name)
          await presentAll(scene.start(world), [record])
          await assertHolds(world, record.name, [record.value], `${record.name} is not where a resolver looks for it`)
          assert.deepEqual(await otherNames(world, record.name), before, `${record.name} is written elsewhere, too`)
          await scene.start(world).connector.cleanUp(record)
          await assertHolds(world, record.name, [], `${record.name} is not removed where it was added`)
        })
    },
  },
  {
    name: 'the name is the one it is given, whatever the domain is called',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { parent } = scene.zones
        // A CNAME led here; and a wildcard's record is that of its base name.
        const led = createTestRecord('www.elsewhere.test', 1, { name: `led-here.${parent}` })
        const wildcard = createTestRecord(`*.www.${parent}`, 2)
        await presentAll(scene.start(world), [led, wildcard])
        for (const record of [led, wildcard]) {
          await assertHolds(world, record.name, [record.value], `the record for ${record.context.domain} is elsewhere`)
          await scene.start(world).connector.cleanUp(record)
          await assertHolds(world, record.name, [], `the record for ${record.context.domain} is still there`)
        }
      }),
  },
  {
    name: 'a final dot and capital letters make no other name',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const record = createTestRecord(`www.${scene.zones.child}`, 1)
        const spelt = { ...record, name: `${record.name.toUpperCase()}.` }
        await presentAll(scene.start(world), [spelt, record])
        await assertHolds(world, record.name, [record.value], 'another spelling is another record')
        await scene.start(world).connector.cleanUp(spelt)
        await assertHolds(world, record.name, [], 'another spelling is not removed')
      }),
  },
  {
    name: 'a name of no zone it may change is refused by name, and changes nothing',
    check: async (scene) => {
      const { parent } = scene.zones
      // Ends with the zone's letters, but not with its labels.
      for (const domain of [`bad${parent}`, 'somewhere-else.invalid'])
        await scene.inWorld(async (world) => {
          const record = createTestRecord(domain, 1)
          const before = await otherNames(world, record.name)
          const failure = await failureOf(scene.start(world).connector.present(record))
          assert.ok(failure !== undefined, `${record.name} is in no zone, and is reported as added`)
          assertTyped(failure.error)
          const said = isCertctlError(failure.error) ? failure.error.message : ''
          assert.ok(said.includes(record.name), `the refusal does not name ${record.name}: ${said}`)
          assert.deepEqual(await otherNames(world, record.name), before, 'a refused record was written elsewhere')
        })
    },
  },
]
