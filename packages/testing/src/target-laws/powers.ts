import assert from 'node:assert/strict'
import { isCertctlError } from '@certctl/core'
import type { Law } from '../law.js'
import { deployIn, deployWell, memoryFilesOf, type TargetScene, textOf } from '../target-scene.js'
import { isServed } from '../target-world.js'

const never = new AbortController().signal
const powers = ['deploy', 'verify', 'plan', 'cleanUp', 'test', 'close']
const foreign = 'listen_addresses = localhost\n'

/** What it declares, what it offers besides deploying, and what it keeps its hands off. */
export const powerLaws: readonly Law<TargetScene>[] = [
  {
    name: 'it offers what the contract knows and declares its commands as argument vectors',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { connector } = scene.start(world)
        const offered = Object.keys(connector)
        assert.deepEqual(
          offered.filter((name) => !powers.includes(name)),
          [],
          'the contract knows no such methods',
        )
        for (const name of ['deploy', 'verify']) assert.ok(offered.includes(name), `${name} is missing`)
        assert.notEqual(scene.capabilities.platforms.length, 0, 'it declares no platform')
        for (const argv of scene.proposedCommands) {
          const [program = ''] = argv
          assert.ok(/^[\w./\\:-]+$/.test(program), `the proposed command ${JSON.stringify(argv)} names no program`)
        }
      }),
  },
  {
    name: 'planning and testing change nothing',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const [old, next] = (await scene.material).leafs
        await deployWell(scene.start(world), old)
        const before = memoryFilesOf(world)?.snapshot()
        const { connector } = scene.start(world)
        const { certificatePem, chainPem, privateKeyPem, fingerprint, names } = next
        const material = { certificatePem, chainPem, privateKeyPem, fingerprint }
        await connector.plan?.({ ...material, id: 'plan', certificateId: 'test-certificate', names, signal: never })
        await connector.test?.(never)
        assert.deepEqual(memoryFilesOf(world)?.snapshot(), before, 'files differ afterwards')
        assert.ok(await isServed(world, old), `it serves ${await world.serving()} afterwards`)
      }),
  },
  {
    name: 'cleaning up leaves what is to be kept, and closing ends also a failed call',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const [old, next] = (await scene.material).leafs
        await deployWell(scene.start(world), old)
        const { connector } = scene.start(world)
        await deployWell({ ...scene.start(world), connector }, next, { previous: old })
        await connector.cleanUp?.({ certificateId: 'test-certificate', keep: [next.fingerprint], signal: never })
        await world.restart?.()
        assert.ok(await isServed(world, next), 'what was to be kept is no longer served')
        await deployIn({ ...scene.start(world), connector }, old, { signal: AbortSignal.abort() })
        await connector.close?.()
      }),
  },
  {
    name: 'a file that holds something other than certificates and keys is never replaced',
    check: async (scene) => {
      for (const path of scene.filePaths) await keepsForeign(scene, path)
    },
  },
]

function keepsForeign(scene: TargetScene, path: string): Promise<void> {
  return scene.inWorld(async (world) => {
    const [leaf] = (await scene.material).leafs
    await world.host.files.replace(path, foreign, { mode: 0o644 })
    const ending = await deployIn(scene.start(world), leaf)
    const kept = Buffer.from(await world.host.files.read(path)).toString('utf8')
    assert.equal(kept, foreign, `${path} held something else and was replaced`)
    assert.ok('error' in ending, `it reports success although ${path} holds something else`)
    assert.ok(
      isCertctlError(ending.error) && ending.error.message.includes(path),
      `${textOf(ending.error)} does not name ${path}`,
    )
  })
}
