import { type Kysely, sql } from 'kysely'
import type { Schema } from '../schema.js'
import type { Begun, Store, Tx } from '../store.js'
import type { Outcome } from './coalescer.js'
import { inTransaction } from './in-transaction.js'
import type { Pipelined } from './pipelined.js'

type Work = (tx: Tx) => Promise<unknown>

export interface TogetherNeeds {
  db: Kysely<Schema>
  transaction: Store['transaction']
  begin(connection: Kysely<Schema>): Begun
}

/**
 * Does all of the work in one transaction, side by side, and commits where none of it failed. Where one did, nothing is committed, and
 * the outcomes say which: what a refused statement of one took with it is not the others' fault. Rejects where the commit failed.
 */
export async function attemptTogether(needs: TogetherNeeds, batch: readonly Work[]): Promise<readonly Outcome[]> {
  const [first] = batch
  if (first !== undefined && batch.length === 1) return [{ ok: true, value: await needs.transaction(first) }]
  let outcomes: readonly Outcome[] = []
  try {
    await inTransaction(needs.db, 'isolation level read committed', async (pipelined) => {
      // A lock that one of them waits for is waited for by that one alone: the batch gives up and is parted.
      await sql`set local lock_timeout = '50ms'`.execute(pipelined.db)
      outcomes = await sideBySide(needs, pipelined, batch)
      if (outcomes.some(({ ok }) => !ok)) throw undone
    })
  } catch (error) {
    if (error !== undone) throw error
  }
  return outcomes
}

const undone = new Error('one of the batch failed')

async function sideBySide(
  { begin }: TogetherNeeds,
  pipelined: Pipelined,
  batch: readonly Work[],
): Promise<readonly Outcome[]> {
  const { txOn, flush } = begin(pipelined.db)
  const culprits = new Set<Work>()
  let shared: { error: unknown } | undefined
  const laneOf = pipelined.lanes((error) => {
    shared ??= { error }
  })
  const outcomes = await Promise.all(
    batch.map(async (work): Promise<Outcome> => {
      const lane = laneOf({
        // What fails after another one did fails because of it.
        failed: () => void (culprits.size === 0 && shared === undefined && culprits.add(work)),
        absent: () => void culprits.add(work),
      })
      try {
        const value = await work(txOn(lane))
        // Also where it went on without its row: the transaction is not at its end then, and must not be committed.
        return culprits.has(work) ? { ok: false, error: undone } : { ok: true, value }
      } catch (error) {
        return culprits.size === 0 || culprits.has(work) ? { ok: false, error } : { ok: true, value: undefined }
      }
    }),
  )
  if (shared !== undefined && culprits.size === 0) throw shared.error
  if (outcomes.every(({ ok }) => ok)) await flush()
  return outcomes
}
