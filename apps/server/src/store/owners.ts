import type { Kysely, Selectable } from 'kysely'
import { nounTable } from './noun-table.js'
import type { OwnersTable, Schema } from './schema.js'

export type OwnerRow = Selectable<OwnersTable>

export function ownersTable(db: Kysely<Schema>) {
  return {
    /** What people may be written as. */
    listPeople: async (): Promise<Pick<OwnerRow, 'id' | 'name' | 'email'>[]> =>
      await db.selectFrom('owners').select(['id', 'name', 'email']).orderBy('id').execute(),

    ...nounTable(db, 'owners', ['email', 'team_id']),
  }
}
