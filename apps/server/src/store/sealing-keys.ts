import { type Kysely, sql } from 'kysely'
import type { Schema, SealingKeysTable } from './schema.js'

export type SealingKeyRow = SealingKeysTable

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
    /** Before this program's migrations, too. */
    listChecks: async () => await db.selectFrom('sealing_keys').select(['id', 'check_value']).execute(),
    list: async (): Promise<SealingKeyRow[]> =>
      await db
        .selectFrom('sealing_keys')
        .select(['id', 'check_value', 'created_at', 'sealing_since'])
        .orderBy('created_at')
        .orderBy('id')
        .execute(),
    insert: async (row: SealingKeyRow): Promise<void> =>
      void (await db.insertInto('sealing_keys').values(row).execute()),
    sealsSince: async (id: string, sealing_since: Date): Promise<void> =>
      void (await db.updateTable('sealing_keys').set({ sealing_since }).where('id', '=', id).execute()),
    remove: async (id: string): Promise<void> =>
      void (await db.deleteFrom('sealing_keys').where('id', '=', id).execute()),
  }
}
