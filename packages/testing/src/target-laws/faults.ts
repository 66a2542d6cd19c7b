import assert from 'node:assert/strict'
import { isCertctlError } from '@certctl/core'
import type { Law } from '../law.js'
import type { TestLeaf } from '../material.js'
import { sweep } from '../sweep.js'
import {
  assertCode,
  deployIn,
  deployWell,
  type Ending,
  existingFiles,
  memoryFilesOf,
  type TargetProcess,
  type TargetScene,
  textOf,
} from '../target-scene.js'
import { isServed, type TargetWorld } from '../target-world.js'
import type { Fault } from '../watched-host.js'

const never = new AbortController().signal

/** What a deployment means when something goes wrong, at whichever step. */
export const faultLaws: readonly Law<TargetScene>[] = [
  {
    name: 'whichever step fails, the old certificate stays, or it says what it could not put back',
    check: (scene) => sweep(['did not happen', 'answer lost', 'refused'], (fault) => replaceUnder(scene, fault)),
  },
  {
    name: 'a first deployment that fails leaves no file behind',
    check: (scene) =>
      sweep(['did not happen', 'refused'], (fault) =>
        scene.inWorld(async (world) => {
          const before = memoryFilesOf(world)?.snapshot()
          if (before === undefined || scene.capabilities.undo === 'best-effort') return false
          const [leaf] = (await scene.material).leafs
          const process = scene.start(world, { fault })
          const ending = await deployIn(process, leaf)
          if ('error' in ending) assert.deepEqual(memoryFilesOf(world)?.snapshot(), before, 'files are left behind')
          else assert.ok(await isServed(world, leaf), 'it reports success and serves nothing')
          return process.watch.reached
        }),
      ),
  },
  {
    name: 'wherever the process dies, no file is missing and the next deploy finishes the job',
    check: async (scene) => {
      await sweep(['died'], (fault) => dieUnder(scene, fault, true))
      await sweep(['died'], (fault) => dieUnder(scene, fault, false))
    },
  },
  {
    name: 'an abort ends the call and leaves the old or the new certificate',
    check: async (scene) => {
      await abortBefore(scene)
      await sweep(['hangs'], (fault) => abortUnder(scene, fault))
    },
  },
]

function goesOn(world: TargetWorld, { watch }: TargetProcess): boolean {
  return watch.reached && world.sweep !== false
}

function previousOf(scene: TargetScene, leaf: TestLeaf): { previous?: TestLeaf } {
  // Files are put back from what was there; only where the target gives nothing back does the agent's copy help.
  return scene.capabilities.verifies === 'file' ? {} : { previous: leaf }
}

function replaceUnder(scene: TargetScene, fault: Fault): Promise<boolean> {
  return scene.inWorld(async (world) => {
    const [old, next] = (await scene.material).leafs
    await deployWell(scene.start(world), old)
    const before = memoryFilesOf(world)?.snapshot()
    const process = scene.start(world, { fault })
    const ending = await deployIn(process, next, previousOf(scene, old))
    await assertTruth({ scene, world, process, ending, old, next })
    if ('error' in ending && scene.capabilities.undo === 'full') {
      assert.deepEqual(memoryFilesOf(world)?.snapshot(), before, 'it failed, and files are not as they were')
      await assertHeldAfterRestart(scene, world, old)
    }
    await deployWell(scene.start(world), next, previousOf(scene, old))
    assert.ok(await isServed(world, next), 'the next attempt does not succeed')
    return goesOn(world, process)
  })
}

interface Aftermath {
  scene: TargetScene
  world: TargetWorld
  process: TargetProcess
  ending: Ending
  old: TestLeaf
  next: TestLeaf
}

async function assertTruth({ scene, world, process, ending, old, next }: Aftermath): Promise<void> {
  if ('receipt' in ending) {
    assert.ok(await isServed(world, next), `it reports success and serves ${await world.serving()}`)
    return
  }
  assertCode(ending.error)
  const torn = isCertctlError(ending.error) && ending.error.code === 'deploy_torn'
  const touched = process.watch.steps.some(({ changes }) => changes)
  assert.ok(touched || !torn, 'it says deploy_torn although it changed nothing')
  assert.ok(!torn || scene.capabilities.undo === 'best-effort', `it could have undone it: ${textOf(ending.error)}`)
  if (await isServed(world, old)) return
  const found = `it failed (${textOf(ending.error)}) and serves ${await world.serving()} instead of the old certificate`
  assert.ok(torn && scene.capabilities.undo === 'best-effort', found)
}

/** What a restart brings back is what was put back. */
async function assertHeldAfterRestart(scene: TargetScene, world: TargetWorld, old: TestLeaf): Promise<void> {
  if (world.restart !== undefined) {
    await world.restart()
    assert.ok(await isServed(world, old), `after a restart it serves ${await world.serving()}, not the old certificate`)
  }
  if (scene.capabilities.verifies === 'none') return
  const request = { certificateId: 'test-certificate', fingerprint: old.fingerprint, signal: never }
  const report = await scene.start(world).connector.verify(request)
  assert.ok(report.matches, 'it failed, and verify does not find the old certificate')
}

function dieUnder(scene: TargetScene, fault: Fault, seeded: boolean): Promise<boolean> {
  return scene.inWorld(async (world) => {
    const [old, next] = (await scene.material).leafs
    if (seeded) await deployWell(scene.start(world), old)
    const before = await existingFiles(scene, world)
    const process = scene.start(world, { fault })
    await deployIn(process, next, seeded ? previousOf(scene, old) : {})
    const after = await existingFiles(scene, world)
    const missing = before.filter((path) => !after.includes(path))
    assert.deepEqual(missing, [], 'files are missing after its death')
    const successor = scene.start(world)
    await deployWell(successor, next, seeded ? previousOf(scene, old) : {})
    assert.ok(await isServed(world, next), `after the next deploy it serves ${await world.serving()}`)
    if (scene.capabilities.verifies !== 'none') {
      const request = { certificateId: 'test-certificate', fingerprint: next.fingerprint, signal: never }
      assert.ok(
        (await successor.connector.verify(request)).matches,
        'verify does not find what the next deploy brought',
      )
    }
    return goesOn(world, process)
  })
}

function abortBefore(scene: TargetScene): Promise<void> {
  return scene.inWorld(async (world) => {
    const [old, next] = (await scene.material).leafs
    await deployWell(scene.start(world), old)
    const process = scene.start(world)
    const ending = await deployIn(process, next, { signal: AbortSignal.abort(), ...previousOf(scene, old) })
    assert.ok('error' in ending, 'it deploys although the signal had fired before')
    assert.ok(isCertctlError(ending.error), `an abort is reported as ${textOf(ending.error)}`)
    assert.equal(ending.error.code, 'aborted', `an abort is reported as ${textOf(ending.error)}`)
    assert.ok(await isServed(world, old), 'the old certificate is gone')
  })
}

function abortUnder(scene: TargetScene, fault: Fault): Promise<boolean> {
  return scene.inWorld(async (world) => {
    const [old, next] = (await scene.material).leafs
    await deployWell(scene.start(world), old)
    const controller = new AbortController()
    const process = scene.start(world, { fault, onHang: () => controller.abort() })
    const ending = await deployIn(process, next, { signal: controller.signal, ...previousOf(scene, old) })
    assert.deepEqual(process.watch.unsignalled, [], 'these were not handed the signal and would hang for ever')
    await assertTruth({ scene, world, process, ending, old, next })
    return goesOn(world, process)
  })
}
