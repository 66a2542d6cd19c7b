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
  { json, unless, key: told = [] }: InsertOptions<Name> = {},
): (db: Kysely<Schema>, row: Insertable<Schema[Name]>) => Promise<boolean> {
  const key = told.length === 0 ? byId : told
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
  return async (db, row) => (await write(db, statementOf, given(row))).length > 0 || unless === undefined
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
    const { columns, values } = given(changes)
    if (columns.length > 0) await write(db, statementOf, { columns: [...columns, 'id'], values: [...values, id] })
  }
}

/** The query builder makes no text like this: whoever asks it to wants to know how many rows were changed, which is not known of one of many. */
const mark = '/* may be one of many */'

interface Given {
  columns: readonly string[]
  values: readonly unknown[]
}

type StatementOf = (columns: readonly string[]) => CompiledQuery

async function write(
  db: Kysely<Schema>,
  statementOf: StatementOf,
  { columns, values }: Given,
): Promise<readonly unknown[]> {
  return (await db.executeQuery({ ...statementOf(columns), parameters: values })).rows
}

/** What is `undefined` was not given. */
function given(row: object): Given {
  const all = Object.entries(row).filter(([, value]) => value !== undefined)
  return { columns: all.map(([column]) => column), values: all.map(([, value]) => value) }
}

/** One statement for each set of columns that the program writes. */
function perColumns(make: (columns: readonly string[]) => string): StatementOf {
  const made = new Map<string, CompiledQuery>()
  return (columns) => {
    const key = columns.join()
    const statement = made.get(key) ?? CompiledQuery.raw(make(columns))
    made.set(key, statement)
    return statement
  }
}

/** Rows as one parameter: JSON that PostgreSQL reads with the types of the table's columns. */
export function asRows(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return JSON.stringify(rows.map((values) => asRow(columns, values)))
}

/** Name by name, so that all rows have one shape. */
function asRow(columns: readonly string[], values: readonly unknown[]): object {
  const row: Record<string, unknown> = {}
  for (const [index, column] of columns.entries()) row[column] = asJson(column, values[index])
  return row
}

function asJson(column: string, value: unknown): unknown {
  // JSON would make null of it.
  if (value instanceof Date && Number.isNaN(value.getTime())) throw new RangeError(`${column} is no time`)
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value
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
