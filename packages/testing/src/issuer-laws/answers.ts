import assert from 'node:assert/strict'
import { isCertctlError } from '@certctl/core'
import { garbageFaults, type HttpFault, httpFaults } from '../http-faults.js'
import type { IssuerProcess, IssuerScene } from '../issuer-scene.js'
import type { IssuerWorld } from '../issuer-world.js'
import type { Law } from '../law.js'
import { endingOf, obtain } from '../order-flow.js'

/** What the connector makes of answers that are not what they should be. */
export const answerLaws: readonly Law<IssuerScene>[] = [
  {
    name: '401, 429 and 5xx of the CA become the right codes',
    check: (scene) => assertCodes(scene, httpFaults),
  },
  {
    name: 'garbage from the CA is a protocol error, never a certificate and never the end of the order',
    check: (scene) => assertCodes(scene, garbageFaults),
  },
]

async function assertCodes(scene: IssuerScene, faults: readonly HttpFault[]): Promise<void> {
  const requests = await requestsOf(scene)
  for (const fault of faults) {
    for (let from = 1; from <= requests; from += 1)
      await scene.inWorld(async (world) => {
        const process = scene.start(world, { http: { from, answer: fault.answer } })
        await assertCode({ scene, world, process, fault, from })
      })
    await scene.inWorld(async (world) => {
      if (requests > 0 || world.fail === undefined) return
      world.fail(fault.world)
      await assertCode({ scene, world, process: scene.start(world), fault, from: 1 })
    })
  }
}

/** How many requests the placing of an order takes here. */
function requestsOf(scene: IssuerScene): Promise<number> {
  return scene.inWorld(async (world) => {
    const { processes } = await obtain(scene, world, { request: await scene.request(world) })
    return processes[0]?.watch.steps.filter(({ kind }) => kind === 'http').length ?? 0
  })
}

interface Case {
  scene: IssuerScene
  world: IssuerWorld
  process: IssuerProcess
  fault: HttpFault
  /** From which request on it failed. */
  from: number
}

async function assertCode({ scene, world, process, fault, from }: Case): Promise<void> {
  const ending = await endingOf(process.connector.issue(await scene.request(world)))
  const where = `${fault.title} from request ${from} on`
  if ('value' in ending) {
    // An order that stands may wait until the CA can be asked again.
    const stands = from > 1 && ending.value.status === 'pending' && fault.world !== 'unauthenticated'
    assert.ok(stands, `${where} is taken for ${ending.value.status}`)
    return
  }
  assert.ok(isCertctlError(ending.error), `${where} becomes ${ending.text}, which carries no code`)
  assert.ok(fault.codes.includes(ending.error.code), `${where} becomes ${ending.text}, not ${fault.codes.join(' or ')}`)
  if (fault.retryAfterSeconds !== undefined && fault.answer !== 'unreachable')
    assert.equal(ending.error.retryAfterSeconds, fault.retryAfterSeconds, `${where}: Retry-After is lost`)
}
