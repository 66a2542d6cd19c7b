import type { Insertable, Kysely } from 'kysely'
import { insertInto } from './row-writes.js'
import type { Schema, VersionDersTable } from './schema.js'

const insert = insertInto('version_ders')

/** The certificates themselves, apart from the narrow rows that lists read. */
export function versionDersTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<VersionDersTable>): Promise<void> {
      await insert(db, row)
    },
  }
}
