import { type Insertable, type Kysely, sql } from 'kysely'
import type { BlockedKeysTable, Schema } from './schema.js'

/** Keys that must never be certified again. */
export function blockedKeysTable(db: Kysely<Schema>) {
  return {
    /** Held until the transaction ends by whoever blocks this key, or makes a certificate of it current. Taken before any row is locked. */
    async lock(spkiSha256: string): Promise<void> {
      await sql`select pg_advisory_xact_lock(hashtextextended(${spkiSha256}, 0))`.execute(db)
    },

    /** Blocking twice is blocking once. Returns whether it was not blocked before. */
    async insert(row: Insertable<BlockedKeysTable>): Promise<boolean> {
      const outcome = await db
        .insertInto('blocked_keys')
        .values(row)
        .onConflict((conflict) => conflict.column('spki_sha256').doNothing())
        .executeTakeFirst()
      return (outcome.numInsertedOrUpdatedRows ?? 0n) > 0n
    },

    async has(spkiSha256: string): Promise<boolean> {
      const row = await db
        .selectFrom('blocked_keys')
        .select('spki_sha256')
        .where('spki_sha256', '=', spkiSha256)
        .executeTakeFirst()
      return row !== undefined
    },
  }
}
