import { type Kysely, sql } from 'kysely'
import type { Schema } from '../schema.js'

/** What types the database gives the parameters of a statement; empty where it does not say. Asked once per text. */
export type ParameterTypes = (statement: string) => Promise<readonly string[]>

const remembered = 2000

export function createParameterTypes(db: Kysely<Schema>): ParameterTypes {
  const known = new Map<string, Promise<readonly string[]>>()
  return async (statement) => {
    const before = known.get(statement)
    if (before !== undefined) return await before
    if (known.size >= remembered) known.clear()
    // A statement that cannot be prepared is sent as it is, and fails there if it must.
    const asked = typesOf(db, statement).catch(() => {
      known.delete(statement)
      return []
    })
    known.set(statement, asked)
    return await asked
  }
}

const name = 'certctl_parameter_types'

async function typesOf(db: Kysely<Schema>, statement: string): Promise<readonly string[]> {
  return await db.connection().execute(async (connection) => {
    await sql.raw(`prepare ${name} as ${statement}`).execute(connection)
    const { rows } = await sql<{ types: string[] }>`
      select parameter_types::text[] as types from pg_prepared_statements where name = ${name}`.execute(connection)
    await sql.raw(`deallocate ${name}`).execute(connection)
    return rows[0]?.types ?? []
  })
}
