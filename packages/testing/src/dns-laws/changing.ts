import assert from 'node:assert/strict'
import { assertHolds, type DnsScene, otherNames, presentAll } from '../dns-scene.js'
import type { Law } from '../law.js'
import { createTestRecord } from '../test-record.js'

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** What somebody else may have under a name: each once made a provider write back something else. */
const foreignValues: readonly string[] = [
  'v=spf1 include:_spf.example.test ~all',
  'with "quotes", a back\\slash; and a semicolon',
  `long=${'0123456789'.repeat(40)}`,
]

/** One value is added, one is taken away, and nothing else changes. */
export const changingLaws: readonly Law<DnsScene>[] = [
  {
    name: 'a second value under one name leaves the first',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { parent } = scene.zones
        // The name and its wildcard: RFC 8555 §8.4 puts both answers under one name.
        const [plain, wildcard] = [createTestRecord(parent, 1), createTestRecord(`*.${parent}`, 2)]
        await presentAll(scene.start(world), [plain])
        await assertHolds(world, plain.name, [plain.value], 'what was added is not what the zone holds')
        await presentAll(scene.start(world), [wildcard])
        await assertHolds(world, plain.name, [plain.value, wildcard.value], 'both values should be there')
      }),
  },
  {
    name: 'adding twice is adding once',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const [first, second] = [createTestRecord(scene.zones.parent, 1), createTestRecord(scene.zones.parent, 2)]
        await presentAll(scene.start(world), [first, second, first])
        await presentAll(scene.start(world), [first])
        await assertHolds(world, first.name, [first.value, second.value], 'a repetition changed something')
      }),
  },
  {
    name: 'it removes its own value and no other, and the last one with its record',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const [mine, others] = [createTestRecord(scene.zones.parent, 1), createTestRecord(scene.zones.parent, 2)]
        const before = await world.names?.()
        await presentAll(scene.start(world), [mine, others])
        // Another process, as after a restart: what is to be removed is told by the record alone.
        await scene.start(world).connector.cleanUp(mine)
        await assertHolds(world, mine.name, [others.value], 'removing one value took another, or none')
        await scene.start(world).connector.cleanUp(others)
        await assertHolds(world, mine.name, [], 'the last value is still there')
        assert.deepEqual(await world.names?.(), before, 'something is left behind')
      }),
  },
  {
    name: 'removing what is not there is no error and removes nothing',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const [mine, others] = [createTestRecord(scene.zones.parent, 1), createTestRecord(scene.zones.parent, 2)]
        await scene.start(world).connector.cleanUp(mine)
        await presentAll(scene.start(world), [others])
        await scene.start(world).connector.cleanUp(mine)
        await assertHolds(world, mine.name, [others.value], 'removing a value that is not there took another')
      }),
  },
  {
    name: 'TXT records of others survive as they were',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const mine = createTestRecord(scene.zones.parent, 1)
        const places = [mine.name, scene.zones.parent, `www.${scene.zones.parent}`, `deep.${mine.name}`]
        for (const place of places) await world.plant(place, foreignValues)
        await presentAll(scene.start(world), [mine])
        await assertHolds(world, mine.name, [...foreignValues, mine.value], 'adding a value changed those of others')
        await scene.start(world).connector.cleanUp(mine)
        for (const place of places) await assertHolds(world, place, foreignValues, `${place} is not as it was`)
      }),
  },
  {
    name: 'a value longer than a character string is kept whole',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { parent } = scene.zones
        const name = `_validation-persist.${parent}`
        // Alike for more than 255 characters: comparing the first string is not comparing the value.
        const account = `https://ca.example.test/acme/acct/${'1234567890'.repeat(30)}`
        const values = [1, 2].map((last) => `ca.example.test; accounturi=${account}${last}; policy=wildcard`)
        const records = values.map((value, index) =>
          createTestRecord(parent, index, { name, value, context: { domain: parent } }),
        )
        await presentAll(scene.start(world), [...records, ...records])
        await assertHolds(world, name, values, 'a long value is not there as it was given')
        for (const [index, record] of records.entries()) {
          await scene.start(world).connector.cleanUp(record)
          await assertHolds(world, name, values.slice(index + 1), 'a long value is not removed as it was given')
        }
      }),
  },
  {
    name: 'values added and removed at the same time under one name are all added and all removed',
    check: (scene) => scene.inWorld((world) => assertConcurrent(scene, world)),
  },
  {
    name: 'it offers what the contract knows, and testing changes nothing',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const kept = createTestRecord(scene.zones.parent, 1)
        await presentAll(scene.start(world), [kept])
        const before = await otherNames(world, kept.name)
        const { connector } = scene.start(world)
        const strange = Object.keys(connector).filter((name) => !powers.includes(name))
        assert.deepEqual(strange, [], 'the contract knows no such methods')
        if (connector.test !== undefined) {
          const { detail } = await connector.test(new AbortController().signal)
          assert.notEqual(detail.trim(), '', 'a test that went well says nothing')
        }
        await connector.close?.()
        await assertHolds(world, kept.name, [kept.value], 'a test of the connection changed a record')
        assert.deepEqual(await otherNames(world, kept.name), before, 'a test of the connection left a record')
      }),
  },
]

const powers = ['present', 'cleanUp', 'test', 'close']

async function assertConcurrent(scene: DnsScene, world: Parameters<typeof assertHolds>[0]): Promise<void> {
  const { parent } = scene.zones
  const foreign = foreignValues.slice(0, 1)
  const records = range(8).map((seed) => createTestRecord(parent, seed))
  const [first] = records
  assert.ok(first !== undefined)
  await world.plant(first.name, foreign)
  // Two copies of the server, each with several orders for the name.
  const one = scene.start(world).connector
  const two = scene.start(world).connector
  const half = (index: number) => (index % 2 === 0 ? one : two)
  await Promise.all(records.slice(0, 6).map((record, index) => half(index).present(record)))
  const six = records.slice(0, 6).map(({ value }) => value)
  await assertHolds(world, first.name, [...foreign, ...six], 'six were added at the same time, and not all are there')
  await Promise.all([
    ...records.slice(0, 4).map((record, index) => half(index).cleanUp(record)),
    ...records.slice(6).map((record, index) => half(index).present(record)),
  ])
  const left = records.slice(4).map(({ value }) => value)
  await assertHolds(world, first.name, [...foreign, ...left], 'added and removed at the same time, and mixed up')
}
