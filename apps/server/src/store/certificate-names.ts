import type { GeneralName } from '@certctl/core'
import type { Kysely } from 'kysely'
import type { Schema } from './schema.js'

/** Names for search: whole, by value; by domain suffix, reversed. */
export function certificateNamesTable(db: Kysely<Schema>) {
  return {
    async replaceAll(certificateId: string, names: readonly GeneralName[]): Promise<void> {
      await db.deleteFrom('certificate_names').where('certificate_id', '=', certificateId).execute()
      if (names.length === 0) return
      const rows = names.map(({ type, value }) => ({
        certificate_id: certificateId,
        type,
        value,
        reversed: [...value].toReversed().join(''),
      }))
      await db.insertInto('certificate_names').values(rows).execute()
    },
  }
}
