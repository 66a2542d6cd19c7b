import assert from 'node:assert/strict'
import { isCertctlError } from '@certctl/core'
import { fingerprintOf } from '@certctl/pki'
import type { IssuerScene } from '../issuer-scene.js'
import type { Law } from '../law.js'
import { findLeak } from '../leaks.js'
import { endingOf, letTimePass, obtain } from '../order-flow.js'
import { sweep } from '../sweep.js'
import type { Fault, FaultMode } from '../watched-host.js'

const faults: readonly FaultMode[] = ['did not happen', 'answer lost', 'refused', 'died']
/** Longer pauses inside a call hold up everybody else's orders. */
const shortSeconds = 5

/** What becomes of an order when answers are lost, processes die and callers give up. */
export const orderLaws: readonly Law<IssuerScene>[] = [
  {
    name: 'a lost answer or a death does not order twice, and the order is fulfilled all the same',
    check: (scene) => sweep(faults, (fault) => orderUnder(scene, fault)),
  },
  {
    name: 'it looks once and never waits for the CA',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { processes } = await obtain(scene, world, { request: await scene.request(world) })
        for (const { watch } of processes)
          assert.ok(watch.waitedSeconds <= shortSeconds, `a call waited for ${watch.waitedSeconds} s`)
      }),
  },
  {
    name: 'a state of an order that nobody knows is pending, with a warning',
    check: (scene) =>
      scene.inWorld(async (world) => {
        if (world.sayUnknownState === undefined) return
        const request = await scene.request(world)
        world.sayUnknownState()
        const { connector, watch } = scene.start(world)
        let outcome = await connector.issue(request)
        for (let look = 1; look <= 2 && outcome.status === 'pending' && connector.poll !== undefined; look += 1) {
          const { orderId, progress } = outcome
          await letTimePass(world, outcome)
          outcome = await connector.poll({ orderId, progress, request, signal: request.signal })
        }
        assert.equal(outcome.status, 'pending', `an unknown state is taken for ${outcome.status}`)
        assert.ok(
          watch.logged.some(({ level }) => level === 'warn'),
          'nobody is warned of the unknown state',
        )
      }),
  },
  {
    name: 'an abort ends the call and orders nothing more',
    check: async (scene) => {
      await scene.inWorld(async (world) => {
        const request = await scene.request(world, { signal: AbortSignal.abort() })
        const before = await world.issued?.()
        const ending = await endingOf(scene.start(world).connector.issue(request))
        assert.ok('error' in ending, 'it orders although the signal had fired before')
        assert.ok(isCertctlError(ending.error), `an abort is reported as ${ending.text}`)
        assert.equal(ending.error.code, 'aborted', `an abort is reported as ${ending.text}`)
        assert.equal(await world.issued?.(), before, 'the CA was asked all the same')
      })
      await sweep(['hangs'], (fault) => abortUnder(scene, fault))
    },
  },
  {
    name: 'secrets stay out of logs, errors, outcomes and command lines at every step',
    check: (scene) => sweep(['did not happen', 'answer lost', 'refused'], (fault) => orderWatched(scene, fault)),
  },
]

function orderUnder(scene: IssuerScene, fault: Fault): Promise<boolean> {
  return scene.inWorld(async (world) => {
    const request = await scene.request(world)
    const before = (await world.issued?.()) ?? 0
    const { outcome, processes } = await obtain(scene, world, { request, fault })
    const reached = processes.some(({ watch }) => watch.reached)
    if (world.issued === undefined) {
      const again = await obtain(scene, world, { request: { ...request, attempt: 2 } })
      const answers = [outcome, again.outcome].map(({ certificatePem }) => fingerprintOf(certificatePem))
      assert.equal(answers[1], answers[0], 'the same order again brings another certificate')
    } else assert.equal((await world.issued()) - before, 1, 'one order, but not one certificate at the CA')
    return reached && world.sweep !== false
  })
}

function abortUnder(scene: IssuerScene, fault: Fault): Promise<boolean> {
  return scene.inWorld(async (world) => {
    const controller = new AbortController()
    const request = await scene.request(world, { signal: controller.signal })
    const { connector, watch } = scene.start(world, { fault, onHang: () => controller.abort() })
    const ending = await endingOf(connector.issue(request))
    assert.deepEqual(watch.unsignalled, [], 'these were not handed the signal and would hang for ever')
    if ('error' in ending && watch.reached)
      assert.ok(isCertctlError(ending.error), `an abort is reported as ${ending.text}`)
    return watch.reached && world.sweep !== false
  })
}

function orderWatched(scene: IssuerScene, fault: Fault): Promise<boolean> {
  return scene.inWorld(async (world) => {
    const request = await scene.request(world)
    const { connector, watch } = scene.start(world, { fault })
    const ending = await endingOf(connector.issue(request))
    const looks: unknown[] = [ending]
    if ('value' in ending && ending.value.status === 'pending' && connector.poll !== undefined) {
      const { orderId, progress } = ending.value
      await letTimePass(world, ending.value)
      const look = await endingOf(connector.poll({ orderId, progress, request, signal: request.signal }))
      // Progress is stored sealed: it may hold what the next look needs.
      looks.push('value' in look && 'progress' in look.value ? { ...look.value, progress: undefined } : look)
      looks[0] = { ...ending.value, progress: undefined }
    }
    assert.equal(findLeak(watch.logged, scene.canaries), undefined, 'a log line shows a secret')
    for (const shown of looks.flatMap((look) => [look, errorOf(look)]))
      assert.equal(findLeak(shown, scene.canaries), undefined, 'an error or an outcome shows a secret')
    assert.equal(
      findLeak(watch.commands, scene.canaries),
      undefined,
      'a command line or its environment shows a secret',
    )
    return watch.reached && world.sweep !== false
  })
}

function errorOf(look: unknown): unknown {
  return typeof look === 'object' && look !== null && 'error' in look ? look.error : undefined
}
