import type { Kysely, Selectable } from 'kysely'
import { nounTable } from './noun-table.js'
import type { Schema, TeamsTable } from './schema.js'

export type TeamRow = Selectable<TeamsTable>

export function teamsTable(db: Kysely<Schema>) {
  return nounTable(db, 'teams', ['description'])
}
