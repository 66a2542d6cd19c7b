import type { Kysely } from 'kysely'
import { type AuditBatch, createAuditBatch } from './audit-batch.js'
import type { AuditEntry } from './audit-entry.js'
import { type Chance, systemChance } from './chance.js'
import { isWorthAnotherTry } from './database-error.js'
import type { Schema } from './schema.js'
import { type Tables, tablesOn } from './tables.js'
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
  /** Commits when `work` resolves; everything in it happens or nothing does. Serialization failures and deadlocks are run again, at most five times. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
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
  const once = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
    await db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (connection) => {
        const now = clock.now()
        const batch = createAuditBatch(connection, now)
        const result = await work({ ...txOn(connection, now, batch), chance })
        await batch.flush()
        return result
      })

  return {
    ...tablesOn(db),
    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(work)
        } catch (error) {
          if (attempt === tries || !isWorthAnotherTry(error)) throw error
        }
      }
    },
    snapshot: async (read) =>
      await db
        .transaction()
        .setIsolationLevel('repeatable read')
        .setAccessMode('read only')
        .execute(async (connection) => await read(tablesOn(connection))),
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
