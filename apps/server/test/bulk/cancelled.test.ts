import { CertctlError } from '@certctl/core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { beginBulk, type WantedBulk } from '../../src/lifecycle/bulk/begin-bulk.js'
import { runBulk } from '../../src/lifecycle/bulk/run-bulk.js'
import { cancelJob } from '../../src/lifecycle/cancel-job.js'
import type { LeasedJob } from '../../src/lifecycle/order/begin-attempt.js'
import type { Tx } from '../../src/store/store.js'
import { createGate, type Gate } from '../lifecycle/fake-ca.js'
import { createScene, operator, type Scene } from '../lifecycle/scene.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { untilBlocked } from '../races/steps.js'
import { addFleet, counted } from './fleet.js'

let scene: Scene
/** Another server on the same database: it goes through the items, and the scene's own cancels. */
let worker: TestServices
const never = new AbortController().signal
/** Each test has so many certificates of its own. */
const each = 6
const mostTests = 9
let used = 0

beforeAll(async () => {
  scene = await createScene()
  await scene.agent('agent-fleet')
  await scene.target('target-fleet', 'agent-fleet')
  const fleet = { agentId: 'agent-fleet', targetId: 'target-fleet', issuerId: scene.issuerId }
  await addFleet(scene.services, { matching: each * mostTests, others: 0, ...fleet })
  const { database, clock, registry } = scene.services
  worker = await createTestServices({ database, clock, registry })
})
afterAll(async () => {
  await worker.close()
  await scene.close()
})

let gate: Gate
let running: Promise<void> | undefined
let restore: () => void = () => undefined
// Also where a test failed before: whoever waits would keep the database from being closed.
afterEach(async () => {
  gate.release()
  await running?.catch(() => undefined)
  running = undefined
  restore()
})

type Kind = 'parallel' | 'one by one'
const kinds = ['parallel', 'one by one'] as const
const reasons = { parallel: 'cessationOfOperation', 'one by one': 'keyCompromise' } as const

interface Begun {
  ids: readonly string[]
  jobId: string
  job: LeasedJob
}

async function begin(wanted: Pick<WantedBulk, 'action' | 'arguments'>): Promise<Begun> {
  const ids = Array.from({ length: each }, (_, n) => `cert-${String(used + n + 1).padStart(6, '0')}`)
  used += each
  const criteria = { certificate_ids: ids }
  const { jobId } = await beginBulk(scene.services, { ...wanted, filter: { ids }, criteria, actor: operator })
  const now = worker.clock.now()
  const until = new Date(now.getTime() + 60_000)
  const [job] = await worker.store.jobs.claimForServer({ kinds: ['bulk'], server: 'b', now, until, limit: 1 })
  if (job?.lease == null || job.id !== jobId) throw new Error('the job is not due')
  return { ids, jobId, job: { ...job, lease: job.lease } }
}

async function beginRevoking(kind: Kind): Promise<Begun> {
  return await begin({ action: 'revoke', arguments: { reason: reasons[kind] } })
}

interface Hooks {
  /** In a transaction, before anything is done in it; with the certificate where it is one of those that are committed together. */
  before?: (certificateId?: string) => Promise<void>
  /** In the transaction of an item that is done, before it commits. */
  after?: () => Promise<void>
  /** In the transaction of an item that is about to be done. */
  taken?: () => Promise<void>
}

/** Lets the worker's transactions stop there until the test ends. */
function hook({ before, after, taken }: Hooks): void {
  const { store } = worker
  const { together, transaction } = store
  const hooked =
    <T>(work: (tx: Tx) => Promise<T>, key?: string) =>
    async (tx: Tx): Promise<T> => {
      await before?.(key)
      let isItem = false
      const settle: Tx['bulkItems']['settle'] = async (...question) => {
        isItem = true
        return await tx.bulkItems.settle(...question)
      }
      const takePending: Tx['bulkItems']['takePending'] = async (...question) => {
        await taken?.()
        return await tx.bulkItems.takePending(...question)
      }
      const result = await work(
        Object.assign(Object.create(tx) as Tx, { bulkItems: { ...tx.bulkItems, settle, takePending } }),
      )
      if (isItem) await after?.()
      return result
    }
  store.together = async (key, work) => await together(key, hooked(work, key))
  store.transaction = async (work) => await transaction(hooked(work))
  restore = () => Object.assign(store, { together, transaction })
}

/** What begins after the first item, or beside it where that one takes long, waits for the gate. */
function holdAfterFirst(): void {
  gate = createGate()
  let first: string | undefined
  let isFirstDone = false
  const firstDone = new Promise<void>((resolve) => {
    hook({
      before: async (certificateId) => {
        first ??= certificateId
        if (certificateId !== first) await firstDone
        if (isFirstDone) await gate.pass()
      },
      after: async () => {
        isFirstDone = true
        resolve()
      },
    })
  })
}

async function progressOf(jobId: string) {
  const row = await scene.services.store.bulkOperations.get(jobId)
  if (row === undefined) throw new Error('there is no such operation')
  const { total, done, skipped, failed } = row
  return { total, done, skipped, failed }
}

async function itemsOf({ jobId }: Begun, state: string): Promise<number> {
  return await counted(scene.services, `bulk_items where job_id = '${jobId}' and state = '${state}'`)
}

async function revokedOf({ ids }: Begun): Promise<number> {
  const named = ids.map((id) => `'${id}'`).join(', ')
  return await counted(
    scene.services,
    `revocations join versions v on v.id = revocations.version_id where v.certificate_id in (${named})`,
  )
}

async function cancel({ jobId }: Pick<Begun, 'jobId'>): Promise<void> {
  await cancelJob(scene.services, { jobId, actor: operator, reason: 'wrong list' })
}

async function staysPending(promise: Promise<unknown>): Promise<boolean> {
  const pause = new Promise((resolve) => setTimeout(resolve, 300, 'pending'))
  return (await Promise.race([promise, pause])) === 'pending'
}

const onlyOne = { total: each, done: 1, skipped: 0, failed: 0 }

describe.each(kinds)('a bulk revocation (%s) that is cancelled at another server', (kind) => {
  it('revokes nothing that had not begun, and counts what was done once', async () => {
    const begun = await beginRevoking(kind)
    holdAfterFirst()
    running = runBulk(worker, begun.job, never)
    await gate.reached
    await cancel(begun)
    expect(await progressOf(begun.jobId)).toEqual(onlyOne)
    gate.release()
    await running
    expect(await revokedOf(begun)).toBe(1)
    expect(await progressOf(begun.jobId)).toEqual(onlyOne)
    expect(await scene.services.store.jobs.get(begun.jobId)).toMatchObject({ state: 'cancelled' })
    expect(await itemsOf(begun, 'pending')).toBe(each - 1)
  })

  it('waits for the one under way, and says that it was done', async () => {
    const begun = await beginRevoking(kind)
    gate = createGate()
    hook({ after: async () => await gate.pass() })
    running = runBulk(worker, begun.job, never)
    await gate.reached
    const cancelling = cancel(begun)
    const waited = await staysPending(cancelling)
    gate.release()
    await cancelling
    const told = await progressOf(begun.jobId)
    await running
    expect(waited).toBe(true)
    expect(told.done).toBe(await revokedOf(begun))
    expect(told.done).toBeGreaterThan(0)
    expect(await progressOf(begun.jobId)).toEqual(told)
    expect(await itemsOf(begun, 'pending')).toBe(each - told.done)
  })

  it('keeps no failure of one that ends after it', async () => {
    const begun = await beginRevoking(kind)
    gate = createGate()
    let hasFailed = false
    hook({
      before: async () => {
        if (hasFailed) await gate.pass()
      },
      taken: async () => {
        hasFailed = true
        throw new CertctlError('conflict', 'it went wrong')
      },
    })
    running = runBulk(worker, begun.job, never)
    await gate.reached
    await cancel(begun)
    gate.release()
    await running
    expect(await itemsOf(begun, 'pending')).toBe(each)
    expect(await progressOf(begun.jobId)).toEqual({ ...onlyOne, done: 0 })
  })
})

describe('a bulk operation that is cancelled', () => {
  it('ends before what waits to be begun beside it', async () => {
    const { jobId } = await beginRevoking('parallel')
    const { store } = worker
    gate = createGate()
    const inHand = store.transaction(async (tx) => {
      await tx.bulkOperations.hold(jobId)
      await gate.pass()
    })
    await gate.reached
    const cancelling = cancel({ jobId })
    cancelling.catch(() => undefined)
    await untilBlocked(scene.services, 1)
    const next = store.transaction(async (tx) => {
      await tx.bulkOperations.hold(jobId)
      return await tx.jobs.get(jobId)
    })
    next.catch(() => undefined)
    await untilBlocked(scene.services, 2)
    gate.release()
    await Promise.all([inHand, cancelling])
    expect(await next).toMatchObject({ state: 'cancelled' })
  })

  it('reassigns nothing that had not begun', async () => {
    const { services } = scene
    const now = services.clock.now()
    await services.store.owners.insert({ id: 'own-z', name: 'Z', created_at: now, updated_at: now })
    const begun = await begin({ action: 'reassign', arguments: { owner_id: 'own-z' } })
    holdAfterFirst()
    running = runBulk(worker, begun.job, never)
    await gate.reached
    await cancel(begun)
    gate.release()
    await running
    expect(await counted(services, `certificates where owner_id = 'own-z'`)).toBe(1)
    expect(await progressOf(begun.jobId)).toEqual(onlyOne)
  })

  it('leaves in the record how far it had come', async () => {
    const begun = await beginRevoking('parallel')
    holdAfterFirst()
    running = runBulk(worker, begun.job, never)
    await gate.reached
    await cancel(begun)
    const kept = `audit_events where action = 'job.cancelled' and resource_id = '${begun.jobId}'`
    expect(await counted(scene.services, `${kept} and canonical like '%"done":1,%"total":${each}%'`)).toBe(1)
  })
})
