import assert from 'node:assert/strict'
import type { Law } from '../law.js'
import { deployIn, deployWell, memoryFilesOf, type TargetScene } from '../target-scene.js'
import { isServed } from '../target-world.js'

const never = new AbortController().signal

/** What a deployment means when nothing goes wrong. */
export const servingLaws: readonly Law<TargetScene>[] = [
  {
    name: 'what it deploys is served after a handshake was asked for, and verify says so',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { leafs } = await scene.material
        for (const leaf of leafs.slice(0, 2)) {
          const { fingerprint } = leaf
          const process = scene.start(world)
          const receipt = await deployWell(process, leaf)
          assert.equal(receipt.changed, true, 'a new certificate is reported as no change')
          assert.notEqual(receipt.location, '', 'the receipt does not say where')
          assert.ok(await isServed(world, { fingerprint }), `it serves ${await world.serving()}, not ${fingerprint}`)
          assertHandshakeLast(process.watch.steps, fingerprint)
          if (scene.capabilities.verifies === 'none') continue
          const request = { certificateId: 'test-certificate', fingerprint, signal: never }
          assert.equal((await process.connector.verify(request)).matches, true, 'verify does not see it')
        }
      }),
  },
  {
    name: 'verify reports another certificate, or none, without failing',
    check: (scene) =>
      scene.inWorld(async (world) => {
        if (scene.capabilities.verifies === 'none') return
        const { leafs } = await scene.material
        const [held, other] = leafs
        const { connector } = scene.start(world)
        const question = { certificateId: 'test-certificate', fingerprint: other.fingerprint, signal: never }
        const nothing = await connector.verify(question)
        assert.equal(nothing.matches, false, 'verify sees a certificate where nothing was deployed')
        await deployWell(scene.start(world), held)
        const report = await connector.verify(question)
        assert.equal(report.matches, false, 'verify takes another certificate for the one asked about')
        assert.equal(report.foundFingerprint, held.fingerprint, 'verify does not say what it found')
      }),
  },
  {
    name: 'deploying again changes nothing and succeeds',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { leafs } = await scene.material
        const [leaf] = leafs
        await deployWell(scene.start(world), leaf)
        const before = memoryFilesOf(world)?.snapshot()
        const again = scene.start(world)
        const receipt = await deployWell(again, leaf)
        assert.equal(receipt.changed, false, 'the same certificate again is reported as a change')
        assert.deepEqual(memoryFilesOf(world)?.snapshot(), before, 'files differ afterwards')
        const written = again.watch.steps.filter(({ kind }) => kind === 'replace' || kind === 'remove')
        assert.deepEqual(written, [], 'files are written again')
        assert.ok(await isServed(world, leaf), 'it is no longer served')
      }),
  },
  {
    name: 'a key that does not fit is refused, and the old certificate stays',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { leafs, mismatched } = await scene.material
        const [old] = leafs
        await deployWell(scene.start(world), old)
        const ending = await deployIn(scene.start(world), mismatched)
        assert.ok('error' in ending, 'a key that does not fit its certificate is deployed')
        assert.ok(await isServed(world, old), `it serves ${await world.serving()} instead of the old certificate`)
      }),
  },
  {
    name: 'two deployments at once both end with their certificate served',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { leafs } = await scene.material
        const [first, next] = leafs
        const { second } = world
        const here = scene.start(world)
        // Two targets of one agent share its host, and so its reloads.
        const there =
          second === undefined
            ? here
            : {
                ...here,
                connector: scene.start(world, { config: second.config, serving: second.serving, shared: here.host })
                  .connector,
              }
        const other = second === undefined ? first : next
        await Promise.all([deployWell(here, first), deployWell(there, other, { certificateId: 'other-certificate' })])
        assert.ok(await isServed(world, first), 'the first place does not serve its certificate')
        const elsewhere = { host: world.host, serving: second?.serving ?? world.serving }
        assert.ok(await isServed(elsewhere, other), 'the second place does not serve its certificate')
      }),
  },
]

/** Nothing may change after the handshake: what changes afterwards was not seen by it. */
function assertHandshakeLast(steps: readonly { kind: string; changes: boolean }[], fingerprint: string): void {
  const asked = steps.findLastIndex(({ kind }) => kind === 'confirm')
  assert.notEqual(asked, -1, `nobody asked for a handshake that shows ${fingerprint}`)
  const activated = steps.findLastIndex(({ kind }) => kind === 'run' || kind === 'http')
  assert.ok(asked > activated, 'the handshake was asked for before the change took effect')
}
