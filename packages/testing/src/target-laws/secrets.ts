import assert from 'node:assert/strict'
import type { Law } from '../law.js'
import { findLeak } from '../leaks.js'
import { sweep } from '../sweep.js'
import { deployIn, deployWell, type TargetScene } from '../target-scene.js'
import type { Fault } from '../watched-host.js'

export const secretLaws: readonly Law<TargetScene>[] = [
  {
    name: 'private keys and secrets stay out of logs, receipts, errors and command lines at every step',
    check: (scene) => sweep(['did not happen', 'answer lost', 'refused'], (fault) => deployWatched(scene, fault)),
  },
  {
    name: 'files that hold a key are for their owner only, or for whom key_mode names',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const allowed = modeOf(scene.ownConfig.key_mode)
        for (const leaf of (await scene.material).leafs.slice(0, 2)) {
          const { connector, watch, host } = scene.start(world)
          await deployWell({ connector, watch, host }, leaf)
          for (const { path, mode } of watch.secretFiles)
            assert.equal(
              mode & 0o777 & ~allowed,
              0,
              `${path} holds a key and has the mode ${(mode & 0o777).toString(8)}`,
            )
        }
      }),
  },
]

function deployWatched(scene: TargetScene, fault: Fault): Promise<boolean> {
  return scene.inWorld(async (world) => {
    const [old, next] = (await scene.material).leafs
    const canaries = await scene.canaries()
    await deployWell(scene.start(world), old)
    const { connector, watch, host } = scene.start(world, { fault })
    const previous = scene.capabilities.verifies === 'file' ? {} : { previous: old }
    const ending = await deployIn({ connector, watch, host }, next, previous)
    const shown = {
      'a log line': watch.logged,
      'the receipt or the error': 'receipt' in ending ? ending.receipt : ending.error,
      'a command line or its environment': watch.commands,
    }
    for (const [where, what] of Object.entries(shown))
      assert.equal(findLeak(what, canaries), undefined, `${where} shows a key or a secret`)
    return watch.reached && world.sweep !== false
  })
}

/** The mode the operator asked for; without a wish nobody but the owner. */
function modeOf(wish: unknown): number {
  if (typeof wish === 'number') return wish
  return typeof wish === 'string' ? Number.parseInt(wish, 8) : 0o600
}
