import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { beginBulk, type WantedBulk } from '../../src/lifecycle/bulk/begin-bulk.js'
import { runBulk } from '../../src/lifecycle/bulk/run-bulk.js'
import { cancelJob } from '../../src/lifecycle/cancel-job.js'
import type { LeasedJob } from '../../src/lifecycle/order/begin-attempt.js'
import { createGate, type Gate } from '../lifecycle/fake-ca.js'
import { createScene, operator, type Scene } from '../lifecycle/scene.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { addFleet, counted } from './fleet.js'

/** The full size is asked for by `CERTCTL_TEST_BULK=20000`; usual runs do a tenth of it. */
const matching = Number(process.env.CERTCTL_TEST_BULK ?? 2000)
const others = matching / 4
const batchSize = 256
const leaseSeconds = 60
const never = new AbortController().signal

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
  await scene.agent('agent-fleet')
  await scene.target('target-fleet', 'agent-fleet')
  const fleet = { agentId: 'agent-fleet', targetId: 'target-fleet', issuerId: scene.issuerId }
  await addFleet(scene.services, { matching, others, ...fleet })
}, 600_000)
afterAll(async () => await scene.close())

const ofOwnerA: Pick<WantedBulk, 'filter' | 'criteria' | 'actor'> = {
  filter: { ownerId: 'own-a' },
  criteria: { owner_id: 'own-a' },
  actor: operator,
}

async function claim(services: TestServices): Promise<LeasedJob> {
  const now = services.clock.now()
  const until = new Date(now.getTime() + leaseSeconds * 1000)
  const [job] = await services.store.jobs.claimForServer({ kinds: ['bulk'], server: 'a', now, until, limit: 1 })
  if (job?.lease == null) throw new Error('no bulk job is due')
  return { ...job, lease: job.lease }
}

async function progressOf(jobId: string) {
  const row = await scene.services.store.bulkOperations.get(jobId)
  if (row === undefined) throw new Error('there is no such operation')
  const { total, done, skipped, failed } = row
  return { total, done, skipped, failed }
}

async function untilDone(jobId: string, count: number): Promise<void> {
  for (let look = 0; look < 50_000; look += 1) {
    if ((await progressOf(jobId)).done >= count) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${count} were not done in time`)
}

/** Has whoever goes through the items wait when about half of them are done: it must not be ready before the test has looked. */
function holdBack({ store: { bulkItems } }: TestServices): Gate {
  const gate = createGate()
  const list = bulkItems.listPending
  let batches = 0
  bulkItems.listPending = async (...question) => {
    batches += 1
    if (batches === Math.ceil(matching / 2 / batchSize)) await gate.pass()
    return await list(...question)
  }
  return gate
}

describe(`${matching} of ${matching + others} certificates`, () => {
  it('are renewed, each once and no other, although a copy dies in the middle', async () => {
    const { services } = scene
    const { jobId, total } = await beginBulk(services, { action: 'renew', arguments: {}, ...ofOwnerA })
    expect(total).toBe(matching)

    const copy = await createTestServices({
      database: services.database,
      clock: services.clock,
      registry: services.registry,
    })
    const gate = holdBack(copy)
    const doomed = runBulk(copy, await claim(services), never)
    doomed.catch(() => undefined)
    await untilDone(jobId, matching / 10)
    const seen = await progressOf(jobId)
    expect(seen.done).toBeLessThan(matching)
    await copy.close()
    gate.release()
    await expect(doomed).rejects.toThrow()

    expect(await services.store.jobs.get(jobId)).toMatchObject({ state: 'active' })
    services.clock.advance(leaseSeconds + 1)
    await runBulk(services, await claim(services), never)

    expect(await progressOf(jobId)).toEqual({ total: matching, done: matching, skipped: 0, failed: 0 })
    expect(await services.store.jobs.get(jobId)).toMatchObject({ state: 'done', outcome: 'done' })
    const asked = `audit_events where action = 'certificate.renewal_requested'`
    expect(await counted(services, asked)).toBe(matching)
    expect(await counted(services, `(select distinct resource_id from ${asked}) as once`)).toBe(matching)
    const wrong = `jobs join certificates c on c.id = jobs.certificate_id where jobs.kind = 'issue' and c.owner_id <> 'own-a'`
    expect(await counted(services, wrong)).toBe(0)
    expect(await counted(services, `jobs where kind = 'issue'`)).toBe(matching)
  }, 1_200_000)

  it('are revoked until somebody cancels it; what is done stays done, and the rest is done when it is asked for again', async () => {
    const { services } = scene
    const revoke: WantedBulk = {
      action: 'revoke',
      arguments: { reason: 'cessationOfOperation', reason_text: 'the data centre closed' },
      ...ofOwnerA,
    }
    const first = await beginBulk(services, revoke)
    const gate = holdBack(services)
    const running = runBulk(services, await claim(services), never)
    await untilDone(first.jobId, matching / 20)
    await cancelJob(services, { jobId: first.jobId, actor: operator })
    gate.release()
    await running
    const stopped = await progressOf(first.jobId)
    expect(stopped.done).toBeLessThan(matching)
    expect(await services.store.jobs.get(first.jobId)).toMatchObject({ state: 'cancelled' })
    expect(await counted(services, 'revocations')).toBe(stopped.done)

    const second = await beginBulk(services, revoke)
    await runBulk(services, await claim(services), never)
    const rest = { total: matching, done: matching - stopped.done, skipped: stopped.done, failed: 0 }
    expect(await progressOf(second.jobId)).toEqual(rest)
    expect(await counted(services, 'revocations')).toBe(matching)
    const wrong = `revocations join versions v on v.id = revocations.version_id join certificates c on c.id = v.certificate_id where c.owner_id <> 'own-a'`
    expect(await counted(services, wrong)).toBe(0)
  }, 1_200_000)
})
