import type { Kysely } from 'kysely'
import type { Schema } from './schema.js'

export interface ServerRow {
  id: string
  hostname: string
  version: string
  /** Digests of what this copy read from its environment, by instance. */
  environment: Readonly<Record<string, string>>
  started_at: Date
  heartbeat_at: Date
}

/** The copies that run, each with its heartbeat. */
export function serversTable(db: Kysely<Schema>) {
  return {
    insert: async (row: ServerRow): Promise<void> =>
      void (await db
        .insertInto('servers')
        .values({ ...row, environment: JSON.stringify(row.environment) })
        .execute()),
    /** False when the row is gone: another copy thought this one dead. */
    async beat(id: string, at: Date): Promise<boolean> {
      const result = await db.updateTable('servers').set({ heartbeat_at: at }).where('id', '=', id).executeTakeFirst()
      return result.numUpdatedRows === 1n
    },
    setEnvironment: async (id: string, environment: Readonly<Record<string, string>>): Promise<void> =>
      void (await db
        .updateTable('servers')
        .set({ environment: JSON.stringify(environment) })
        .where('id', '=', id)
        .execute()),
    listAlive: async (since: Date) =>
      await db
        .selectFrom('servers')
        .select(['id', 'hostname', 'version', 'environment', 'started_at', 'heartbeat_at'])
        .where('heartbeat_at', '>=', since)
        .orderBy('started_at')
        .execute(),
    remove: async (id: string): Promise<void> => void (await db.deleteFrom('servers').where('id', '=', id).execute()),
    removeDead: async (before: Date): Promise<void> =>
      void (await db.deleteFrom('servers').where('heartbeat_at', '<', before).execute()),
  }
}
