import { type Kysely, type Selectable, sql } from 'kysely'
import { nounTable } from './noun-table.js'
import type { OwnersTable, Schema } from './schema.js'

export type OwnerRow = Selectable<OwnersTable>

export function ownersTable(db: Kysely<Schema>) {
  return {
    ...nounTable(db, 'owners', ['email', 'team_id']),

    /** The owner somebody means who writes an id, a name or an e-mail address, in any case. */
    async findPerson(text: string): Promise<{ id: string } | undefined> {
      const { rows } = await sql<{ id: string }>`
        select id from owners
        where lower(id) = ${text} or lower(name) = ${text} or (email <> '' and lower(email) = ${text})
        order by lower(id) = ${text} desc, lower(name) = ${text} desc, id limit 1`.execute(db)
      return rows[0]
    },
  }
}
