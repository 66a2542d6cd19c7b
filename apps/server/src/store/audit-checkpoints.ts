import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.js'

/** Signed states of all heads. */
export function auditCheckpointsTable(db: Kysely<Schema>) {
  return {
    /** Copies that make a checkpoint at once do so one after the other: call in a transaction. */
    lock: async (): Promise<void> => void (await sql`lock table audit_checkpoints in exclusive mode`.execute(db)),
    newest: async () =>
      await db
        .selectFrom('audit_checkpoints')
        .select(['id', 'canonical', 'key_id', 'signature', 'at'])
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst(),
    insert: async (row: { canonical: string; key_id: string; signature: Buffer; at: Date }): Promise<void> =>
      void (await db.insertInto('audit_checkpoints').values(row).execute()),
    /** The next checkpoints, in order; starts at `'0'`. */
    slice: async (after: string, limit: number) =>
      await db
        .selectFrom('audit_checkpoints')
        .select(['id', 'canonical', 'key_id', 'signature', 'at'])
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit)
        .execute(),
  }
}
