import type { Insertable, Kysely, Selectable } from 'kysely'
import type { IdempotencyKeysTable, Schema } from './schema.js'

export interface IdempotencyRow extends Selectable<IdempotencyKeysTable> {
  /** When the copy that began it was last heard of; `null` where nobody knows it. */
  heartbeat_at: Date | null
}
/** Whose the row is: a key that has expired is taken over. */
export type IdempotencyClaim = Pick<IdempotencyRow, 'caller' | 'key' | 'started_at'>

export function idempotencyKeysTable(db: Kysely<Schema>) {
  const find = async ({ caller, key }: Pick<IdempotencyRow, 'caller' | 'key'>): Promise<IdempotencyRow | undefined> =>
    await db
      .selectFrom('idempotency_keys')
      .leftJoin('servers', 'servers.id', 'idempotency_keys.server_id')
      .select(['caller', 'key', 'request_hash', 'answer', 'idempotency_keys.started_at', 'expires_at', 'server_id'])
      .select('servers.heartbeat_at')
      .where('caller', '=', caller)
      .where('key', '=', key)
      .executeTakeFirst()

  const takes = async (row: Insertable<IdempotencyKeysTable>, now: Date): Promise<boolean> => {
    const { request_hash, started_at, expires_at, server_id } = row
    const outcome = await db
      .insertInto('idempotency_keys')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(['caller', 'key'])
          .doUpdateSet({ request_hash, started_at, expires_at, server_id, answer: null })
          .where('idempotency_keys.expires_at', '<=', now),
      )
      .executeTakeFirst()
    return (outcome.numInsertedOrUpdatedRows ?? 0n) > 0n
  }

  return {
    /**
     * Begins a request under this key: `undefined` when it is ours to do, else what was there before. Only a key that expired is as good
     * as new: what a request did that never ended, nobody can say.
     */
    async begin(row: Insertable<IdempotencyKeysTable>, { now }: { now: Date }): Promise<IdempotencyRow | undefined> {
      for (;;) {
        if (await takes(row, now)) return undefined
        const before = await find(row)
        // Where there is none any more it was forgotten meanwhile, and is free.
        if (before !== undefined) return before
      }
    },
    find,

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
