import {
  type AliasedRawBuilder,
  type Insertable,
  type Kysely,
  type RawBuilder,
  type Selectable,
  sql,
  type Updateable,
} from 'kysely'
import { type ByKey, rowsByKey } from './by-key.js'
import { type Page, type PageRequest, readPage } from './page.js'
import type { Schema } from './schema.js'

/** Tables of nouns that are a row and no more: an id, a name that no other has, and fields. */
export type NounTableName = 'teams' | 'owners' | 'agent_groups' | 'profiles' | 'renewal_policies' | 'policy_rules'

/** What every noun has. */
export interface NounRow {
  id: string
  name: string
  created_at: Date
  updated_at: Date
}

/** What is asked of any of these tables alike. A field that is `null` takes its default. */
export interface NounTable<Row extends NounRow> {
  get(id: string): Promise<Row | undefined>
  lock(id: string): Promise<Row | undefined>
  lockToRemove(id: string): Promise<Row | undefined>
  findByName(name: string): Promise<Row | undefined>
  page(request: PageRequest): Promise<Page<Row>>
  insertFields(row: NounRow & Record<string, unknown>): Promise<void>
  updateFields(id: string, changes: Record<string, unknown>): Promise<void>
  remove(id: string): Promise<void>
}

interface Statements {
  listed: readonly AliasedRawBuilder<unknown, string>[]
  found: RawBuilder<unknown>
  byId: ByKey<unknown>
}

/** Made once for each table, and not for each transaction. */
const made = new Map<NounTableName, Statements>()

function statementsOf(table: NounTableName, columns: readonly string[]): Statements {
  const known = made.get(table)
  if (known !== undefined) return known
  const listed = [...columns, 'id', 'name', 'created_at', 'updated_at'].map((column) => sql.ref(column).as(column))
  const found = sql`select ${sql.join(listed)} from ${sql.table(table)}`
  const byId = rowsByKey('id', (build, isIt) => ({ compile: () => sql`${found} where ${isIt}`.compile(build) }))
  const statements = { listed, found, byId }
  made.set(table, statements)
  return statements
}

/** The queries that are alike for all of them; `columns` are the noun's own beside those of {@link NounRow}. */
export function nounTable<Name extends NounTableName>(
  all: Kysely<Schema>,
  table: Name,
  columns: readonly Exclude<keyof Schema[Name] & string, keyof NounRow>[],
) {
  type Row = Selectable<Schema[Name]> & NounRow
  const db = all as unknown as Kysely<Record<NounTableName, NounRow>>
  const { listed, found, byId } = statementsOf(table, columns)
  const one = async (id: string, lock: RawBuilder<unknown>): Promise<Row | undefined> =>
    (await sql<Row>`${found} where id = ${id} ${lock}`.execute(all)).rows[0]

  return {
    async get(id: string): Promise<Row | undefined> {
      return (await byId(all, id))[0] as Row | undefined
    },

    /** Keeps the row from being removed until the transaction ends: a reference and a deletion cannot cross. */
    async lockForShare(id: string): Promise<Row | undefined> {
      return await one(id, sql`for key share`)
    },

    /** Locks the row to change it. */
    async lock(id: string): Promise<Row | undefined> {
      return await one(id, sql`for no key update`)
    },

    /** Locks the row to remove it: waits for whoever is about to refer to it. */
    async lockToRemove(id: string): Promise<Row | undefined> {
      return await one(id, sql`for update`)
    },

    async findByName(name: string): Promise<Row | undefined> {
      return (await sql<Row>`${found} where lower(name) = ${name.toLowerCase()}`.execute(all)).rows[0]
    },

    /** All of them, oldest first. */
    async list(): Promise<Row[]> {
      return (await sql<Row>`${found} order by created_at, id`.execute(all)).rows
    },

    async page(request: PageRequest): Promise<Page<Row>> {
      return await readPage(
        db.selectFrom<NounTableName>(table).select(listed).$castTo<Row>(),
        { columns: ['created_at', 'id'], startOf: (row) => ({ value: row.created_at.toISOString(), id: row.id }) },
        request,
      )
    },

    async insert(row: Insertable<Schema[Name]> & NounRow): Promise<void> {
      await db.insertInto<NounTableName>(table).values(row).execute()
    },

    /** As `insert`, for fields that the schema of the wire has checked. */
    async insertFields(row: NounRow & Record<string, unknown>): Promise<void> {
      await db.insertInto<NounTableName>(table).values(withDefaults(row)).execute()
    },

    async update(id: string, changes: Updateable<Schema[Name]> & Partial<NounRow>): Promise<void> {
      await db.updateTable<NounTableName>(table).set(changes).where('id', '=', id).execute()
    },

    /** As `update`, for fields that the schema of the wire has checked. */
    async updateFields(id: string, changes: Record<string, unknown>): Promise<void> {
      await db.updateTable<NounTableName>(table).set(withDefaults(changes)).where('id', '=', id).execute()
    },

    async remove(id: string): Promise<void> {
      await db.deleteFrom<NounTableName>(table).where('id', '=', id).execute()
    },
  }
}

/** Every column of these tables that may be null is so by default, so that null and the default are one. */
function withDefaults<T extends object>(row: T): T {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, value === null ? sql`default` : value]),
  ) as T
}
