import type { Kysely, Selectable } from 'kysely'
import { nounTable } from './noun-table.js'
import type { OwnersTable, Schema } from './schema.js'

export type OwnerRow = Selectable<OwnersTable>

export function ownersTable(db: Kysely<Schema>) {
  return nounTable(db, 'owners', ['email', 'team_id'])
}
