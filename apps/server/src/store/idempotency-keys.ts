import type { Insertable, Kysely, Selectable } from 'kysely'
import type { IdempotencyKeysTable, Schema } from './schema.js'

export type IdempotencyRow = Selectable<IdempotencyKeysTable>
/** Whose the row is: a key is taken over only long after it was begun, so that no two begin it at the same time. */
export type IdempotencyClaim = Pick<IdempotencyRow, 'caller' | 'key' | 'started_at'>

export function idempotencyKeysTable(db: Kysely<Schema>) {
  const find = async ({ caller, key }: Pick<IdempotencyRow, 'caller' | 'key'>): Promise<IdempotencyRow | undefined> =>
    await db
      .selectFrom('idempotency_keys')
      .select(['caller', 'key', 'request_hash', 'answer', 'started_at', 'expires_at', 'server_id'])
      .where('caller', '=', caller)
      .where('key', '=', key)
      .executeTakeFirst()

  return {
    /**
     * Begins a request under this key: `undefined` when it is ours to do, else what was there before. A key that expired, or whose
     * request never ended and began before `abandonedBefore`, or on a copy last heard of before `deadBefore`, is as good as new.
     */
    async begin(
      row: Insertable<IdempotencyKeysTable>,
      at: { now: Date; abandonedBefore: Date; deadBefore: Date },
    ): Promise<IdempotencyRow | undefined> {
      const { request_hash, started_at, expires_at, server_id } = row
      const outcome = await db
        .insertInto('idempotency_keys')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .columns(['caller', 'key'])
            .doUpdateSet({ request_hash, started_at, expires_at, server_id, answer: null })
            .where((where) =>
              where.or([
                where('idempotency_keys.expires_at', '<=', at.now),
                where.and([
                  where('idempotency_keys.answer', 'is', null),
                  where.or([
                    where('idempotency_keys.started_at', '<', at.abandonedBefore),
                    where.exists(
                      where
                        .selectFrom('servers')
                        .select('servers.id')
                        .whereRef('servers.id', '=', 'idempotency_keys.server_id')
                        .where('servers.heartbeat_at', '<', at.deadBefore),
                    ),
                  ]),
                ]),
              ]),
            ),
        )
        .executeTakeFirst()
      return (outcome.numInsertedOrUpdatedRows ?? 0n) > 0n ? undefined : await find(row)
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
