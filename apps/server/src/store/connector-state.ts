import type { Kysely } from 'kysely'
import { insertInto } from './row-writes.js'
import type { Schema } from './schema.js'

export interface StateCell {
  key: string
  value: Buffer
  version: number
}

const columns = ['key', 'value', 'version'] as const

const insertWhereNone = insertInto('connector_state', { unless: '("instance", "key")', key: ['instance', 'key'] })

/** Sealed values of connector instances. An expired one is as good as absent. */
export function connectorStateTable(db: Kysely<Schema>) {
  const live = (instance: string, at: Date) =>
    db
      .selectFrom('connector_state')
      .select(columns)
      .where('instance', '=', instance)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))

  return {
    async get(instance: string, key: string, at: Date): Promise<StateCell | undefined> {
      return await live(instance, at).where('key', '=', key).executeTakeFirst()
    },

    /** Keys in order, after `after`, that begin with `prefix`. */
    async list(
      instance: string,
      range: { prefix: string; after: string; at: Date; limit: number },
    ): Promise<StateCell[]> {
      return await live(instance, range.at)
        .where((where) => where(where.fn('starts_with', ['key', where.val(range.prefix)]), '=', true))
        .where('key', '>', range.after)
        .orderBy('key')
        .limit(range.limit)
        .execute()
    },

    /** Writes where nothing lives under the key; returns whether it did. */
    async insert(instance: string, cell: StateCell & { expires_at: Date | null; at: Date }): Promise<boolean> {
      const { key, value, version, expires_at, at } = cell
      const row = { instance, key, value, version, expires_at }
      if (await insertWhereNone(db, row)) return true
      const outcome = await db
        .updateTable('connector_state')
        .set({ value, version, expires_at })
        .where('instance', '=', instance)
        .where('key', '=', key)
        .where('expires_at', '<=', at)
        .executeTakeFirst()
      // Once more: what was there may have been taken away meanwhile.
      return outcome.numUpdatedRows > 0n || (await insertWhereNone(db, row))
    },

    /** Writes over exactly that version; returns whether it was still there. */
    async update(
      instance: string,
      cell: StateCell & { expires_at: Date | null; expect: number; at: Date },
    ): Promise<boolean> {
      const outcome = await db
        .updateTable('connector_state')
        .set({ value: cell.value, version: cell.version, expires_at: cell.expires_at })
        .where('instance', '=', instance)
        .where('key', '=', cell.key)
        .where('version', '=', cell.expect)
        .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', cell.at)]))
        .executeTakeFirst()
      return outcome.numUpdatedRows > 0n
    },

    async remove(instance: string, key: string): Promise<void> {
      await db.deleteFrom('connector_state').where('instance', '=', instance).where('key', '=', key).execute()
    },

    /** Also of what was made for it: `<instance>/…`. */
    async removeAll(instance: string): Promise<void> {
      await db
        .deleteFrom('connector_state')
        .where((where) =>
          where.or([
            where('instance', '=', instance),
            where(where.fn('starts_with', ['instance', where.val(`${instance}/`)]), '=', true),
          ]),
        )
        .execute()
    },

    async removeExpired(at: Date): Promise<void> {
      await db.deleteFrom('connector_state').where('expires_at', '<=', at).execute()
    },
  }
}
