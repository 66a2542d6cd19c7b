import assert from 'node:assert/strict'
import { type ErrorCode, errorCodes, isCertctlError, type TxtRecord } from '@certctl/core'
import { assertHolds, assertTyped, type DnsProcess, type DnsScene, failureOf, presentAll } from '../dns-scene.js'
import type { DnsWorld } from '../dns-world.js'
import { garbageFaults, type HttpFault, httpFaults } from '../http-faults.js'
import type { Law } from '../law.js'
import { findLeak } from '../leaks.js'
import { sweep } from '../sweep.js'
import { createTestRecord } from '../test-record.js'
import type { Fault, FaultMode } from '../watched-host.js'

const faults: readonly FaultMode[] = ['did not happen', 'answer lost', 'refused', 'died']
const final = Object.entries(errorCodes).flatMap(([code, { retry }]) => (retry ? [] : [code as ErrorCode]))

const redirects: readonly HttpFault[] = [301, 302, 307, 308].map((status) => ({
  title: `${status} to another place`,
  answer: { status, headers: { location: 'http://169.254.169.254/latest/meta-data/' } },
  codes: final,
  world: 'garbage',
}))

/** What becomes of the zone, and of the answer, when something goes wrong. */
export const failingLaws: readonly Law<DnsScene>[] = [
  {
    name: 'added is only reported when the zone has the value, whichever step fails, and the next attempt adds it once',
    check: (scene) => sweep(faults, (fault) => underFault(scene, fault, adding)),
  },
  {
    name: 'removed is only reported when the value is gone, whichever step fails, and the next attempt removes it',
    check: (scene) => sweep(faults, (fault) => underFault(scene, fault, removing)),
  },
  {
    name: 'a failing service is an error that says whether to try again, and when',
    check: async (scene) => {
      for (const change of [adding, removing]) await assertRefusals(scene, change, httpFaults)
    },
  },
  {
    name: 'an answer that means nothing, or leads elsewhere, is no success',
    check: async (scene) => {
      for (const change of [adding, removing]) await assertRefusals(scene, change, [...garbageFaults, ...redirects])
    },
  },
]

/** A change under test, what the zone holds before it and after it. */
interface Change {
  name: string
  make(process: DnsProcess, record: TxtRecord): Promise<void>
  before(record: TxtRecord): readonly string[]
  after(record: TxtRecord): readonly string[]
}

const adding: Change = {
  name: 'present',
  make: ({ connector }, record) => connector.present(record),
  before: () => [],
  after: ({ value }) => [value],
}
const removing: Change = {
  name: 'cleanUp',
  make: ({ connector }, record) => connector.cleanUp(record),
  before: ({ value }) => [value],
  after: () => [],
}

/** A name that holds the value of another order beside what the change is about. */
async function prepare(scene: DnsScene, world: DnsWorld, change: Change) {
  const record = createTestRecord(scene.zones.parent, 'under test')
  const other = createTestRecord(scene.zones.parent, 'other')
  const there = change.before(record).map((value) => ({ ...record, value }))
  await presentAll(scene.start(world), [other, ...there])
  return { record, kept: [other.value] }
}

async function underFault(scene: DnsScene, fault: Fault, change: Change): Promise<boolean> {
  return await scene.inWorld(async (world) => {
    const { record, kept } = await prepare(scene, world, change)
    const process = scene.start(world, { fault })
    const failure = await failureOf(change.make(process, record))
    // Whatever it did without waiting has happened by now.
    await new Promise<void>((resume) => setImmediate(resume))
    if (failure !== undefined) assertTyped(failure.error)
    else
      await assertHolds(world, record.name, [...kept, ...change.after(record)], 'it reports success and it is not so')
    await assertKept(world, record, kept)
    await change.make(scene.start(world), record)
    await assertHolds(world, record.name, [...kept, ...change.after(record)], 'the next attempt does not put it right')
    return process.watch.reached && world.sweep !== false
  })
}

async function assertKept(world: DnsWorld, { name }: TxtRecord, kept: readonly string[]): Promise<void> {
  const found = await world.values(name)
  for (const value of kept) assert.ok(found.includes(value), `${value} of another order is gone after the failure`)
}

async function assertRefusals(scene: DnsScene, change: Change, refusals: readonly HttpFault[]): Promise<void> {
  const requests = await scene.inWorld(async (world) => {
    const { record } = await prepare(scene, world, change)
    const process = scene.start(world)
    await change.make(process, record)
    return process.watch.steps.filter(({ kind }) => kind === 'http').length
  })
  // Each request of the call in turn is the one that begins to be answered so; without requests, the world itself.
  const beginnings = requests === 0 ? [0] : Array.from({ length: requests }, (_, index) => index + 1)
  for (const refusal of refusals) for (const from of beginnings) await assertRefused(scene, change, { refusal, from })
}

interface Refused {
  refusal: HttpFault
  /** The request that is answered so, and all after it; 0: the world fails. */
  from: number
}

async function assertRefused(scene: DnsScene, change: Change, { refusal, from }: Refused): Promise<void> {
  await scene.inWorld(async (world) => {
    if (from === 0 && world.fail === undefined) return
    const { record, kept } = await prepare(scene, world, change)
    if (from === 0 && world.fail?.(refusal.world) !== true) return
    const process = scene.start(world, from === 0 ? {} : { http: { from, answer: refusal.answer } })
    const failure = await failureOf(change.make(process, record))
    const what = `${change.name}: ${refusal.title}${from === 0 ? '' : ` from request ${from} on`}`
    if (failure === undefined) {
      // Looking again in another way is as good as refusing, as long as it is true.
      await assertHolds(world, record.name, [...kept, ...change.after(record)], `${what} is taken for success`)
      return
    }
    const { error } = failure
    assert.ok(isCertctlError(error), `${what} becomes ${String(error)}, which carries no code`)
    assert.ok(refusal.codes.includes(error.code), `${what} becomes ${error.code}: ${error.message}`)
    assert.equal(findLeak(error, scene.canaries), undefined, `the error for ${what} shows a secret`)
    if (from !== 0 && refusal.retryAfterSeconds !== undefined)
      assert.equal(error.retryAfterSeconds, refusal.retryAfterSeconds, `${what}: Retry-After is lost`)
  })
}
