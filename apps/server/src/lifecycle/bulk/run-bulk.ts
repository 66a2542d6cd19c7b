import { errorCodes, isCertctlError, messageOf } from '@certctl/core'
import type { Services } from '../../services.js'
import type { BulkItemState, SettledItem } from '../../store/bulk-items.js'
import type { BulkCounts, BulkOperationRow } from '../../store/bulk-operations.js'
import type { Tx } from '../../store/store.js'
import type { LeasedJob } from '../order/begin-attempt.js'
import { bulkObstacle } from './bulk-obstacle.js'
import { doBulkItem } from './do-bulk-item.js'
import { finishBulk } from './finish-bulk.js'

/** At most so many are in hand when somebody cancels it. Fewer at once take much longer. */
const batchSize = 256

interface Run {
  services: Services
  job: LeasedJob
  operation: BulkOperationRow
  signal: AbortSignal
}

/**
 * Goes through the items of a bulk operation until none is pending, somebody cancels it, or its lease is lost. An item is taken, done
 * and settled in one transaction, so that it is done once, whoever else goes through them, and whenever this process dies. In the same
 * transaction it is asked whether the job goes on: whoever cancels waits for the items in hand, and no other is begun after that.
 */
export async function runBulk(services: Services, job: LeasedJob, signal: AbortSignal): Promise<void> {
  const operation = await services.store.bulkOperations.get(job.id)
  if (operation === undefined) throw new Error(`Job ${job.id} has no bulk operation`)
  const run = { services, job, operation, signal }
  await recount(run)
  while (!signal.aborted && (await isOurs(run, services.store))) {
    const counts = await doBatch(run, await services.store.bulkItems.listPending(job.id, batchSize))
    // Where there is none, or another copy that lost this lease has them all in hand.
    if (counts.done + counts.skipped + counts.failed === 0) break
    await add(run, counts)
  }
  await finishBulk(services, job, { interrupted: signal.aborted })
}

async function isOurs({ job }: Run, { jobs }: Pick<Tx, 'jobs'>): Promise<boolean> {
  const row = await jobs.get(job.id)
  return row?.state === 'active' && row.lease === job.lease
}

/** Whether another item may be begun; then nobody cancels the job before this transaction ends. */
async function goesOn(run: Run, tx: Tx): Promise<boolean> {
  await tx.bulkOperations.hold(run.job.id)
  return !run.signal.aborted && (await isOurs(run, tx))
}

/** Whoever cancels counts all that was done, and so does the next who has the job: nothing is to be added to that. */
async function add(run: Run, counts: BulkCounts): Promise<void> {
  await run.services.store.transaction(async (tx) => {
    await tx.bulkOperations.lock(run.job.id)
    if (await isOurs(run, tx)) await tx.bulkOperations.add(run.job.id, counts)
  })
}

async function recount({ services, job }: Run): Promise<void> {
  await services.store.transaction(async (tx) => {
    await tx.bulkOperations.lock(job.id)
    await tx.bulkOperations.recount(job.id)
  })
}

async function doBatch(run: Run, ids: readonly string[]): Promise<BulkCounts> {
  const states = isCompromise(run)
    ? await oneByOne(run, ids)
    : await Promise.allSettled(ids.map((id) => doOne(run, id)))
  const failed = states.find((state) => state.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  const of = (wanted: BulkItemState): number =>
    states.filter((state) => state.status === 'fulfilled' && state.value === wanted).length
  return { done: of('done'), skipped: of('skipped'), failed: of('failed') }
}

function isCompromise({ operation }: Run): boolean {
  return operation.arguments.reason === 'keyCompromise'
}

/** Blocking a key takes other certificates with it, which may be of the same batch. */
async function oneByOne(run: Run, ids: readonly string[]): Promise<PromiseSettledResult<BulkItemState | undefined>[]> {
  const states: PromiseSettledResult<BulkItemState | undefined>[] = []
  for (const id of ids) {
    const value = await doOne(run, id)
    states.push({ status: 'fulfilled', value })
    if (value === undefined && !(await isOurs(run, run.services.store))) break
  }
  return states
}

/** Returns what became of it; `undefined` where the job does not go on, or another has it in hand, or had. */
async function doOne(run: Run, certificateId: string): Promise<BulkItemState | undefined> {
  const { store } = run.services
  const work = async (tx: Tx) => await settle(run, tx, certificateId)
  try {
    // Locks of a key and of other certificates keep nobody out who is in the same transaction.
    return isCompromise(run) ? await store.transaction(work) : await store.together(certificateId, work)
  } catch (error) {
    if (isCertctlError(error) && errorCodes[error.code].retry) throw error
    return await keepFailure(run, certificateId, error)
  }
}

async function settle(run: Run, tx: Tx, certificateId: string): Promise<BulkItemState | undefined> {
  const { services, operation } = run
  if (!(await goesOn(run, tx))) return undefined
  if (!(await tx.bulkItems.takePending(operation.job_id, certificateId))) return undefined
  if (!isCompromise(run)) await tx.certificates.lock(certificateId)
  const standing = await tx.bulkItems.standing(certificateId, tx.now)
  const obstacle = standing === undefined ? undefined : bulkObstacle(operation, standing)
  const item: SettledItem =
    obstacle === undefined
      ? await doBulkItem(services, tx, { operation, certificateId })
      : { certificate_id: certificateId, state: 'skipped', ...obstacle, result_job_id: null }
  await tx.bulkItems.settle(operation.job_id, item)
  return item.state
}

/** What failed is kept unless the job was cancelled since: it counts as not begun then, since nothing of it is left. */
async function keepFailure(run: Run, certificateId: string, error: unknown): Promise<'failed' | undefined> {
  const { services, operation } = run
  const isKnown = isCertctlError(error)
  // What nobody foresaw is for the log, not for whoever reads the items.
  const message = isKnown ? error.message : 'It failed for a reason that the log of the server tells'
  if (!isKnown)
    services.log.error(
      { job: operation.job_id, certificate: certificateId, reason: messageOf(error) },
      'an item failed',
    )
  const item = { certificate_id: certificateId, message, code: isKnown ? error.code : 'internal', result_job_id: null }
  return await services.store.transaction(async (tx) => {
    if (!(await goesOn(run, tx))) return undefined
    const isFirst = await tx.bulkItems.settle(operation.job_id, { ...item, state: 'failed' })
    return isFirst ? 'failed' : undefined
  })
}
