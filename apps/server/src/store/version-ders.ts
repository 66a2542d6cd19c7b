import type { Insertable, Kysely } from 'kysely'
import type { Schema, VersionDersTable } from './schema.js'

/** The certificates themselves, apart from the narrow rows that lists read. */
export function versionDersTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<VersionDersTable>): Promise<void> {
      await db.insertInto('version_ders').values(row).execute()
    },
  }
}
