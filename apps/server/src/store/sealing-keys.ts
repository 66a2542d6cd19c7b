import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.js'

/** One row per encryption key: what tells a copy that it was started with another key. */
export function sealingKeysTable(db: Kysely<Schema>) {
  return {
    /** False before the first migration. */
    async exists(): Promise<boolean> {
      const { rows } = await sql<{ found: boolean }>`select to_regclass('sealing_keys') is not null as found`.execute(
        db,
      )
      return rows[0]?.found === true
    },
    /** Two copies that start on an empty table with different keys must not both write: call in a transaction. */
    lock: async (): Promise<void> => void (await sql`lock table sealing_keys in exclusive mode`.execute(db)),
    list: async () => await db.selectFrom('sealing_keys').select(['id', 'check_value']).orderBy('created_at').execute(),
    insert: async (row: { id: string; check_value: Buffer; created_at: Date }): Promise<void> =>
      void (await db.insertInto('sealing_keys').values(row).execute()),
  }
}
