import { CompiledQuery, type Insertable, type Kysely, type Updateable } from 'kysely'
import { declareMergeable } from './mergeable.js'
import type { Schema } from './schema.js'

export interface InsertOptions<Name extends keyof Schema> {
  /** Columns of JSON, which rows have as text. */
  json?: readonly (keyof Schema[Name] & string)[] | undefined
  /** A row that is there already is passed over, under this conflict target. */
  unless?: string | undefined
  /** The columns that tell one row from another; its id where not given. */
  key?: readonly (keyof Schema[Name] & string)[] | undefined
}

const byId: readonly string[] = ['id']

/**
 * Writes new rows; returns whether it did, which is certain where no conflict is passed over. Several who do so in one transaction side
 * by side are one statement. Columns that a row has not are their default.
 */
export function insertInto<Name extends keyof Schema & string>(
  table: Name,
  { json, unless, key: given = [] }: InsertOptions<Name> = {},
): (db: Kysely<Schema>, row: Insertable<Schema[Name]>) => Promise<boolean> {
  const key = given.length === 0 ? byId : given
  const conflict =
    unless === undefined ? '' : ` on conflict ${unless} do nothing returning ${key.map(quoted).join(', ')}`
  const statementOf = perColumns((columns) => {
    const into = `insert into ${quoted(table)} (${columns.map(quoted).join(', ')})`
    const places = columns.map((_, index) => `$${index + 1}`).join(', ')
    const values = columns.map((column) => givenOf(column, json)).join(', ')
    return declareMergeable(`${mark} ${into} values (${places})${conflict}`, {
      kind: 'write',
      columns,
      key,
      ofMany: `${into} select ${values} from ${rowsOf(table)}${conflict}`,
    })
  })
  return async (db, row) => (await write(db, statementOf, present(row))).length > 0 || unless === undefined
}

/** Changes rows by their id, each its own; a column that is not named stays. Several who do so in one transaction side by side are one statement. */
export function updateById<Name extends keyof Schema & string>(
  table: Name,
  { json }: Pick<InsertOptions<Name>, 'json'> = {},
): (db: Kysely<Schema>, id: string, changes: Updateable<Schema[Name]>) => Promise<void> {
  const statementOf = perColumns((columns) => {
    const changed = columns.filter((column) => column !== 'id')
    const set = changed.map((column, index) => `${quoted(column)} = $${index + 1}`).join(', ')
    const setGiven = changed.map((column) => `${quoted(column)} = ${givenOf(column, json)}`).join(', ')
    return declareMergeable(`${mark} update ${quoted(table)} set ${set} where "id" = $${changed.length + 1}`, {
      kind: 'write',
      columns,
      key: byId,
      ofMany: `update ${quoted(table)} set ${setGiven} from ${rowsOf(table)} where ${quoted(table)}."id" = given."id"`,
    })
  })
  return async (db, id, changes) => {
    const row = present(changes)
    if (Object.keys(row).length > 0) await write(db, statementOf, { ...row, id })
  }
}

type Row = Readonly<Record<string, unknown>>

/** The query builder makes no text like this: whoever asks it to wants to know how many rows were changed, which is not known of one of many. */
const mark = '/* may be one of many */'

async function write(
  db: Kysely<Schema>,
  statementOf: (columns: readonly string[]) => string,
  row: Row,
): Promise<readonly unknown[]> {
  return (await db.executeQuery(CompiledQuery.raw(statementOf(Object.keys(row)), Object.values(row)))).rows
}

/** What is `undefined` was not given. */
function present(row: object): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined))
}

/** One text for each set of columns that the program writes. */
function perColumns(make: (columns: readonly string[]) => string): (columns: readonly string[]) => string {
  const made = new Map<string, string>()
  return (columns) => {
    const key = columns.join()
    const statement = made.get(key) ?? make(columns)
    made.set(key, statement)
    return statement
  }
}

/** Rows as one parameter: JSON that PostgreSQL reads with the types of the table's columns. */
export function asRows(rows: readonly Row[]): string {
  return JSON.stringify(rows.map((row) => Object.fromEntries(Object.entries(row).map(asJson))))
}

function asJson([column, value]: [string, unknown]): [string, unknown] {
  // JSON would make null of it.
  if (value instanceof Date && Number.isNaN(value.getTime())) throw new RangeError(`${column} is no time`)
  return [column, value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value]
}

function rowsOf(table: string): string {
  return `jsonb_populate_recordset(null::${quoted(table)}, $1::jsonb) as given`
}

function givenOf(column: string, json: readonly string[] = []): string {
  const value = `given.${quoted(column)}`
  return json.includes(column) ? `(${value} #>> '{}')::jsonb` : value
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
