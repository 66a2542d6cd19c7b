import type { Kysely } from 'kysely'
import { createAuditBatch } from './audit-batch.js'
import type { AuditEntry } from './audit-entry.js'
import { certificateListTable } from './certificate-list.js'
import { type Chance, systemChance } from './chance.js'
import { isWorthAnotherTry } from './database-error.js'
import type { Schema } from './schema.js'
import { type Tables, tablesOn } from './tables.js'
import { attemptTogether } from './transactions/attempt-together.js'
import { createCoalescer } from './transactions/coalescer.js'
import { inTransaction } from './transactions/in-transaction.js'
import { mergingReads } from './transactions/merging-reads.js'
import { createWakeBatch, type WakeChannel } from './wake.js'

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
  wake(channel: WakeChannel, subject: string): void
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
  const begin = (connection: Kysely<Schema>): Begun => begun(connection, { now: clock.now(), chance })
  const once = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
    await inTransaction(db, 'isolation level read committed', async ({ db: connection }) => {
      const { txOn, flush } = begin(connection)
      const result = await work(txOn(connection))
      await flush()
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
    writers: 1,
    spare: 7,
    limit: 64,
    attempt: async (batch) => await attemptTogether({ db, transaction, begin }, batch),
  })

  return Object.assign(tablesOn(mergingReads(db)), {
    // Searches in a transaction, under a limit of its own.
    certificateList: certificateListTable(db),
    transaction,
    together: async <T>(key: string, work: (tx: Tx) => Promise<T>) => (await coalescer.run(key, work)) as T,
    snapshot: async <T>(read: (tables: Tables) => Promise<T>) =>
      await inTransaction(
        db,
        'isolation level repeatable read read only',
        async ({ db: connection }) => await read(tablesOn(connection)),
      ),
  })
}

/** What one transaction has in common, however many work in it. */
export interface Begun {
  txOn(lane: Kysely<Schema>): Tx
  /** Writes the record and the wake-ups; immediately before the commit. */
  flush(): Promise<void>
}

function begun(connection: Kysely<Schema>, { now, chance }: { now: Date; chance: Chance }): Begun {
  const audit = createAuditBatch(connection, now)
  const wakes = createWakeBatch(connection)
  const common: Omit<Tx, keyof Tables> = {
    now,
    chance,
    audit: { append: (entry) => audit.append(entry) },
    wake: (channel, subject) => wakes.add(channel, subject),
  }
  return {
    txOn: (lane) => Object.assign(tablesOn(lane), common),
    async flush() {
      await Promise.all([audit.flush(), wakes.flush()])
    },
  }
}
