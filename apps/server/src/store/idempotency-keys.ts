import type { Insertable, Kysely, Selectable } from 'kysely'
import type { IdempotencyKeysTable, Schema } from './schema.js'

export type IdempotencyRow = Selectable<IdempotencyKeysTable>
/** Whose the row is: a key is taken over only long after it was begun, so that no two begin it at the same time. */
export type IdempotencyClaim = Pick<IdempotencyRow, 'caller' | 'key' | 'started_at'>

export function idempotencyKeysTable(db: Kysely<Schema>) {
  return {
    /**
     * Begins a request under this key: `undefined` when it is ours to do, else what was there before. A key that expired, or whose
     * request began before `abandonedBefore` and never ended, is as good as new.
     */
    async begin(
      row: Insertable<IdempotencyKeysTable>,
      at: { now: Date; abandonedBefore: Date },
    ): Promise<IdempotencyRow | undefined> {
      const { request_hash, started_at, expires_at } = row
      const outcome = await db
        .insertInto('idempotency_keys')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .columns(['caller', 'key'])
            .doUpdateSet({ request_hash, started_at, expires_at, answer: null })
            .where((where) =>
              where.or([
                where('idempotency_keys.expires_at', '<=', at.now),
                where.and([
                  where('idempotency_keys.answer', 'is', null),
                  where('idempotency_keys.started_at', '<', at.abandonedBefore),
                ]),
              ]),
            ),
        )
        .executeTakeFirst()
      if ((outcome.numInsertedOrUpdatedRows ?? 0n) > 0n) return undefined
      return await db
        .selectFrom('idempotency_keys')
        .select(['caller', 'key', 'request_hash', 'answer', 'started_at', 'expires_at'])
        .where('caller', '=', row.caller)
        .where('key', '=', row.key)
        .executeTakeFirst()
    },

    /** Nothing happens where another request has taken the key over. */
    async finish({ caller, key, started_at }: IdempotencyClaim, answer: Buffer): Promise<void> {
      await db
        .updateTable('idempotency_keys')
        .set({ answer })
        .where('caller', '=', caller)
        .where('key', '=', key)
        .where('started_at', '=', started_at)
        .execute()
    },

    /** A request that failed in a way that may pass next time leaves nothing behind; one that took the key over stays. */
    async forget({ caller, key, started_at }: IdempotencyClaim): Promise<void> {
      await db
        .deleteFrom('idempotency_keys')
        .where('caller', '=', caller)
        .where('key', '=', key)
        .where('started_at', '=', started_at)
        .execute()
    },

    async removeExpired(at: Date): Promise<void> {
      await db.deleteFrom('idempotency_keys').where('expires_at', '<=', at).execute()
    },
  }
}
