import { type Insertable, type Kysely, sql } from 'kysely'
import { rowsByAsked, rowsByKey } from './by-key.js'
import type { BlockedKeysTable, Schema } from './schema.js'

const blocked = rowsByKey('spki_sha256', (build, isIt) =>
  build.selectFrom('blocked_keys').select('spki_sha256').where(isIt),
)
/** In order, so that two who hold several do not wait for one another. */
const held = rowsByAsked<object>(
  (keys) => sql`
    select key from (select distinct key from unnest(${keys}) as key order by key) as asked,
      lateral pg_advisory_xact_lock(hashtextextended(asked.key, 0))`,
)

/** Keys that must never be certified again. */
export function blockedKeysTable(db: Kysely<Schema>) {
  return {
    /** Held until the transaction ends by whoever blocks this key, or makes a certificate of it current. Taken before any row is locked. */
    async lock(spkiSha256: string): Promise<void> {
      await held(db, spkiSha256)
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
      return (await blocked(db, spkiSha256)).length > 0
    },
  }
}
