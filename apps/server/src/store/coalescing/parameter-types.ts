import { type Kysely, sql } from 'kysely'
import type { Schema } from '../schema.js'

/**
 * What types the database gives the parameters of a statement; empty where it does not say. Asked once per text, inside the transaction
 * that wants to know: whoever holds a connection must not wait for another one.
 */
export type ParameterTypes = (connection: Kysely<Schema>, statement: string) => Promise<readonly string[]>

const remembered = 2000

export function createParameterTypes(): ParameterTypes {
  const known = new Map<string, Promise<readonly string[]>>()
  return async (connection, statement) => {
    const before = known.get(statement)
    if (before !== undefined) return await before
    if (known.size >= remembered) known.clear()
    // A statement that cannot be prepared is sent as it is, and fails there if it must.
    const asked = typesOf(connection, statement).catch(() => {
      known.delete(statement)
      return []
    })
    known.set(statement, asked)
    return await asked
  }
}

const name = 'certctl_parameter_types'

/** A statement that is refused takes back nothing but itself. */
async function typesOf(connection: Kysely<Schema>, statement: string): Promise<readonly string[]> {
  await sql.raw(`savepoint ${name}`).execute(connection)
  try {
    await sql.raw(`prepare ${name} as ${statement}`).execute(connection)
    const { rows } = await sql<{ types: string[] }>`
      select parameter_types::text[] as types from pg_prepared_statements where name = ${name}`.execute(connection)
    await sql.raw(`deallocate ${name}`).execute(connection)
    await sql.raw(`release savepoint ${name}`).execute(connection)
    return rows[0]?.types ?? []
  } catch (error) {
    await sql.raw(`rollback to savepoint ${name}`).execute(connection)
    throw error
  }
}
