import { type Kysely, sql } from 'kysely'
import { type AuditBatch, createAuditBatch } from '../audit-batch.js'
import type { Schema } from '../schema.js'
import type { Store, Tx } from '../store.js'
import type { Outcome } from './coalescer.js'
import { laneOn } from './lane.js'
import type { ParameterTypes } from './parameter-types.js'
import { createStatementBatcher } from './statement-batcher.js'

type Work = (tx: Tx) => Promise<unknown>

export interface TogetherNeeds {
  db: Kysely<Schema>
  clock: { now(): Date }
  transaction: Store['transaction']
  types: ParameterTypes
  txOn(connection: Kysely<Schema>, now: Date, batch: AuditBatch): Tx
}

/**
 * Does all of the work in one transaction, side by side, and commits where none of it failed. Where one did, nothing is committed and the
 * outcomes say which; where a statement of all failed, it rejects.
 */
export async function attemptTogether(needs: TogetherNeeds, batch: readonly Work[]): Promise<readonly Outcome[]> {
  const [first] = batch
  if (first !== undefined && batch.length === 1) return [{ ok: true, value: await needs.transaction(first) }]
  let outcomes: readonly Outcome[] = []
  const run = async (connection: Kysely<Schema>): Promise<void> => {
    // A lock that one of them waits for is waited for by that one alone: the batch gives up and is parted.
    await sql`set local lock_timeout = '50ms'`.execute(connection)
    outcomes = await sideBySide(needs, connection, batch)
    if (outcomes.some(({ ok }) => !ok)) throw undone
  }
  try {
    await needs.db.transaction().setIsolationLevel('read committed').execute(run)
  } catch (error) {
    if (error !== undone) throw error
  }
  return outcomes
}

const undone = new Error('one of the batch failed')

async function sideBySide(
  { clock, types, txOn }: TogetherNeeds,
  connection: Kysely<Schema>,
  batch: readonly Work[],
): Promise<readonly Outcome[]> {
  const now = clock.now()
  const audit = createAuditBatch(connection, now)
  const batcher = createStatementBatcher(connection, types)
  const outcomes = await Promise.all(
    batch.map(
      async (work): Promise<Outcome> =>
        await work(txOn(laneOn(batcher), now, audit)).then(
          (value) => ({ ok: true, value }),
          (error: unknown) => ({ ok: false, error }),
        ),
    ),
  )
  const fault = batcher.fault()
  if (fault !== undefined) throw fault
  if (outcomes.every(({ ok }) => ok)) await audit.flush()
  return outcomes
}
