import type { Kysely, Transaction } from 'kysely'
import type { Clock } from '../clock.js'
import { createAuditBatch } from './audit-batch.js'
import type { AuditEntry } from './audit-entry.js'
import type { Schema } from './schema.js'
import { type Tables, tablesOn } from './tables.js'
import { notify, type WakeChannel } from './wake.js'

/** What one transaction can do: rows, their audit entries and the wake-ups that follow the commit. */
export interface Tx extends Tables {
  /** One instant for the whole transaction. */
  readonly now: Date
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
}
