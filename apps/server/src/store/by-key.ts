import { type CompiledQuery, type Expression, Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { dialect } from './compiling.js'
import { declareMergeable, type Mergeable } from './mergeable.js'
import type { Schema } from './schema.js'

/** Builds statements once, when a file is loaded. */
const build = new Kysely<Schema>({ dialect })

type Build = typeof build

/** The only parameter of a statement that is asked by key. */
const severalKeys = sql<string[]>`${[]}::text[]`
/** The same parameter, of which the planner sees that it is one key. */
const oneKey = sql<string[]>`array[(${[]}::text[])[1]]`

/** Asks for what belongs to a key, or to several. Those who ask in one transaction side by side are one statement. */
export type ByKey<Row> = (db: Kysely<Schema>, ...keys: readonly string[]) => Promise<Row[]>

type Compilable<Row> = { compile(): CompiledQuery<Row> }

/** Rows by a text column that is among those selected, as `column` or `table.column`; constants in the query are `sql.lit`. */
export function rowsByKey<Row>(
  column: string,
  query: (build: Build, isOfKey: Expression<SqlBool>) => Compilable<Row>,
): ByKey<Row> {
  return asked(column, 'rows', query)
}

/** One row by its key, locked until the transaction ends against all but references. */
export function lockByKey<Row>(
  column: string,
  query: (build: Build, isOfKey: Expression<SqlBool>) => Compilable<Row>,
): ByKey<Row> {
  return asked(column, 'lock', query)
}

/** Rows by a key that is no column of theirs; the statement answers it as `key` beside them. `keys` are all that are asked for. */
export function rowsByAsked<Row>(query: (keys: RawBuilder<string[]>) => RawBuilder<unknown>): ByKey<Row> {
  const ask = asked('key', 'rows', (build, _, keys) => ({
    compile: () => (query(keys) as RawBuilder<Row & { key: string }>).compile(build),
  }))
  return async (db, ...keys) => (await ask(db, ...keys)).map(({ key: _, ...row }) => row as Row)
}

/** A key of several parts. */
export function partsKey(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}

/** One of them, of `asked.key`. */
export function part(index: number): RawBuilder<string> {
  return sql`asked.key::jsonb ->> ${sql.lit(index)}`
}

/** Rows that are the same for all who ask. */
export function sameRows<Row>(query: (build: Build) => Compilable<Row>): (db: Kysely<Schema>) => Promise<Row[]> {
  const compiled = query(build).compile()
  requireParameters(compiled, 0)
  declareMergeable(compiled.sql, { kind: 'same' })
  return async (db) => (await db.executeQuery(compiled)).rows
}

function asked<Row>(
  column: string,
  kind: Extract<Mergeable, { column: string }>['kind'],
  query: (build: Build, isOfKey: Expression<SqlBool>, keys: RawBuilder<string[]>) => Compilable<Row>,
): ByKey<Row> {
  const [several, one] = [severalKeys, oneKey].map((keys) => {
    const compiled = query(build, sql<SqlBool>`${sql.ref(column)} = any(${keys})`, keys).compile()
    requireParameters(compiled, 1)
    return compiled
  }) as [CompiledQuery<Row>, CompiledQuery<Row>]
  declareMergeable(several.sql, { kind, column: column.split('.').at(-1) ?? column, ofOne: one.sql })
  return async (db, ...keys) => (await db.executeQuery<Row>({ ...several, parameters: [keys] })).rows
}

function requireParameters({ sql: statement, parameters }: CompiledQuery, count: number): void {
  if (parameters.length !== count)
    throw new TypeError(`${parameters.length} parameters, not ${count}, in a statement that is merged: ${statement}`)
}
