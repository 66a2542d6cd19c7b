import assert from 'node:assert/strict'
import { isCertctlError } from '@certctl/core'
import { assertHolds, assertTyped, type DnsScene, failureOf, presentAll } from '../dns-scene.js'
import type { Law } from '../law.js'
import { findLeak } from '../leaks.js'
import { sweep } from '../sweep.js'
import { createTestRecord } from '../test-record.js'
import type { Fault } from '../watched-host.js'

type Call = 'present' | 'cleanUp'
const calls: readonly Call[] = ['present', 'cleanUp']

/** What nobody may see, and what ends a call. */
export const guardingLaws: readonly Law<DnsScene>[] = [
  {
    name: 'secrets stay out of logs, errors, results and command lines',
    check: (scene) => sweep(['did not happen', 'answer lost', 'refused'], (fault) => watched(scene, fault)),
  },
  {
    name: 'a signal that has fired ends the call before anything is changed',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const [there, wanted] = [createTestRecord(scene.zones.parent, 1), createTestRecord(scene.zones.parent, 2)]
        await presentAll(scene.start(world), [there])
        const signal = AbortSignal.abort()
        const { connector } = scene.start(world)
        const endings = [
          await failureOf(connector.present({ ...wanted, signal })),
          await failureOf(connector.cleanUp({ ...there, signal })),
        ]
        await assertHolds(world, there.name, [there.value], 'it changes the zone although the signal had fired before')
        for (const ending of endings) {
          assert.ok(ending !== undefined, 'it reports success although the signal had fired before')
          assert.ok(isCertctlError(ending.error), `an abort is reported as ${String(ending.error)}`)
          assert.equal(ending.error.code, 'aborted', `an abort is reported as ${ending.error.code}`)
        }
      }),
  },
  {
    name: 'whatever may take long is handed the signal',
    check: async (scene) => {
      for (const call of calls) await sweep(['hangs'], (fault) => abortUnder(scene, fault, call))
    },
  },
]

async function watched(scene: DnsScene, fault: Fault): Promise<boolean> {
  return await scene.inWorld(async (world) => {
    const { connector, watch } = scene.start(world, { fault })
    const record = createTestRecord(scene.zones.parent, 1)
    const endings = [
      await failureOf(connector.present(record)),
      await failureOf(connector.cleanUp(record)),
      await failureOf(connector.test?.(record.signal) ?? Promise.resolve()),
    ]
    const shown = {
      'a log line': watch.logged,
      'a command line or its environment': watch.commands,
      'a step, such as the path of a request': watch.steps,
    }
    for (const [where, what] of Object.entries(shown))
      assert.equal(findLeak(what, scene.canaries), undefined, `${where} shows a secret`)
    for (const ending of endings)
      assert.equal(findLeak(ending?.error, scene.canaries), undefined, 'an error shows a secret')
    return watch.reached && world.sweep !== false
  })
}

async function abortUnder(scene: DnsScene, fault: Fault, call: Call): Promise<boolean> {
  return await scene.inWorld(async (world) => {
    const controller = new AbortController()
    const record = createTestRecord(scene.zones.parent, 1, { signal: controller.signal })
    if (call === 'cleanUp') await presentAll(scene.start(world), [createTestRecord(scene.zones.parent, 1)])
    const { connector, watch } = scene.start(world, { fault, onHang: () => controller.abort() })
    const failure = await failureOf(connector[call](record))
    assert.deepEqual(watch.unsignalled, [], 'these were not handed the signal and would hang for ever')
    if (failure !== undefined) assertTyped(failure.error)
    else {
      const expected = call === 'present' ? [record.value] : []
      await assertHolds(world, record.name, expected, 'it was interrupted, reports success, and it is not so')
    }
    return watch.reached && world.sweep !== false
  })
}
