import type { Kysely } from 'kysely'
import { type AuditBatch, createAuditBatch } from './audit-batch.js'
import type { AuditEntry } from './audit-entry.js'
import { type Chance, systemChance } from './chance.js'
import { isWorthAnotherTry } from './database-error.js'
import type { Schema } from './schema.js'
import { type Tables, tablesOn } from './tables.js'
import { attemptTogether } from './transactions/attempt-together.js'
import { createCoalescer } from './transactions/coalescer.js'
import { inTransaction } from './transactions/in-transaction.js'
import { notify, type WakeChannel } from './wake.js'

/** What one transaction can do: rows, their audit entries and the wake-ups that follow the commit. */
export interface Tx extends Tables {
  /** One instant for the whole transaction. */
  readonly now: Date
  readonly chance: Chance
  readonly audit: {
    /** Written as one Merkle batch immediately before the commit. */
    append(entry: AuditEntry): void
  }
  /** Reaches every copy when, and only when, the transaction commits. */
  wake(channel: WakeChannel, subject: string): Promise<void>
}

export interface Store extends Tables {
  /** Commits when `work` resolves; everything in it happens or nothing does. What does not wait for one another in it goes out together. Serialization failures and deadlocks are run again, at most five times. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /**
   * The same for work on one thing (`key`: a certificate's id), and cheaper where many such wait: they are done side by side in one
   * transaction, with one batch of the record and one commit. One that fails, fails alone. Work of one key never runs side by side.
   */
  together<T>(key: string, work: (tx: Tx) => Promise<T>): Promise<T>
  /** Reads one state of everything, however long it takes; writes are refused. */
  snapshot<T>(read: (tables: Tables) => Promise<T>): Promise<T>
}

const tries = 5

export interface StoreOptions {
  db: Kysely<Schema>
  clock: { now(): Date }
  chance?: Chance | undefined
}

export function createStore({ db, clock, chance = systemChance }: StoreOptions): Store {
  const on = (connection: Kysely<Schema>, now: Date, batch: AuditBatch): Tx => ({
    ...txOn(connection, now, batch),
    chance,
  })
  const once = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
    await inTransaction(db, 'isolation level read committed', async ({ db: connection }) => {
      const now = clock.now()
      const batch = createAuditBatch(connection, now)
      const result = await work(on(connection, now, batch))
      await batch.flush()
      return result
    })

  const transaction = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(work)
      } catch (error) {
        if (attempt === tries || !isWorthAnotherTry(error)) throw error
      }
    }
  }
  const coalescer = createCoalescer<(tx: Tx) => Promise<unknown>>({
    writers: 2,
    spare: 6,
    limit: 64,
    attempt: async (batch) => await attemptTogether({ db, clock, transaction, txOn: on }, batch),
  })

  return {
    ...tablesOn(db),
    transaction,
    together: async <T>(key: string, work: (tx: Tx) => Promise<T>) => (await coalescer.run(key, work)) as T,
    snapshot: async (read) =>
      await inTransaction(
        db,
        'isolation level repeatable read read only',
        async ({ db: connection }) => await read(tablesOn(connection)),
      ),
  }
}

function txOn(connection: Kysely<Schema>, now: Date, batch: AuditBatch): Omit<Tx, 'chance'> {
  return {
    ...tablesOn(connection),
    now,
    audit: { append: (entry) => batch.append(entry) },
    wake: async (channel, subject) => await notify(connection, channel, subject),
  }
}
