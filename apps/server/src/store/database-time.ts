import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.js'

/** What the database's machine takes for the time. The only place that asks. */
export async function databaseTime(db: Kysely<Schema>): Promise<Date> {
  const { rows } = await sql<{ at: Date }>`select clock_timestamp() as at`.execute(db)
  const [row] = rows
  if (row === undefined) throw new RangeError('the database answered a question for the time with nothing')
  return row.at
}
