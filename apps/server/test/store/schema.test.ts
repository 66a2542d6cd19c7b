import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../../src/store/database.js'
import { type TestDatabase, testDatabase } from '../postgres.js'

interface Column {
  type: string
  nullable: boolean
  generated: boolean
}
type Shape = Record<string, Record<string, Column>>

const typescriptTypes: Readonly<Record<string, string>> = {
  text: 'string',
  bytea: 'Buffer',
  'timestamp with time zone': 'Date',
  date: 'Date',
  boolean: 'boolean',
  smallint: 'number',
  integer: 'number',
  bigint: 'string',
  jsonb: 'object',
  ARRAY: 'string[]',
}

/** What `schema.ts` says, read from its text: the compiler forgets it. */
function declaredShape(): Shape {
  const source = readFileSync(new URL('../../src/store/schema.ts', import.meta.url), 'utf8')
  const interfaces = new Map(
    [...source.matchAll(/export interface (\w+) \{\n([\s\S]*?)\n\}/g)].map(([, name = '', body = '']) => [
      name,
      fieldsOf(body),
    ]),
  )
  const tables = interfaces.get('Schema') ?? {}
  return Object.fromEntries(
    Object.entries(tables).map(([table, type]) => [
      table,
      Object.fromEntries(Object.entries(interfaces.get(type) ?? {}).map(([column, text]) => [column, columnOf(text)])),
    ]),
  )
}

function fieldsOf(body: string): Record<string, string> {
  return Object.fromEntries([...body.matchAll(/^ {2}(\w+): (.+)$/gm)].map(([, name = '', type = '']) => [name, type]))
}

function columnOf(text: string): Column {
  const nullable = / \| null(>|, |$)/.test(text)
  const bare = text.replaceAll(' | null', '')
  const generated = /^Generated(Always)?</.test(bare)
  const inner = bare.replace(/^Generated(?:Always)?<(.*)>$/, '$1')
  const isJson = inner.startsWith('JSONColumnType<')
  const isWords = inner.startsWith("'")
  return { type: isJson ? 'object' : isWords ? 'string' : inner, nullable, generated }
}

describe('schema.ts', () => {
  let test: TestDatabase
  let database: Database

  beforeAll(async () => {
    test = await testDatabase()
    database = openDatabase({ address: test.address, maxConnections: 2 })
  })
  afterAll(async () => {
    await database.close()
    await test.close()
  })

  async function migratedShape(): Promise<Shape> {
    const { rows } = await sql<Record<string, string | null>>`
      select table_name, column_name, data_type, is_nullable, column_default, is_identity, is_generated
      from information_schema.columns
      where table_schema = 'public' and table_name <> 'certctl_migrations'
        and table_name not in (select table_name from information_schema.views where table_schema = 'public')
      order by table_name, ordinal_position`.execute(database.db)
    const shape: Shape = {}
    for (const row of rows) {
      const column = {
        type: typescriptTypes[row.data_type ?? ''] ?? `unknown: ${row.data_type}`,
        nullable: row.is_nullable === 'YES',
        generated: row.column_default !== null || row.is_identity === 'YES' || row.is_generated === 'ALWAYS',
      }
      shape[row.table_name ?? ''] = { ...shape[row.table_name ?? ''], [row.column_name ?? '']: column }
    }
    return shape
  }

  it('names the tables and columns that the migrations make, with their types and whether they may be null', async () => {
    const declared = declaredShape()
    const migrated = await migratedShape()
    expect(Object.keys(declared).sort()).toEqual(Object.keys(migrated).sort())
    for (const [table, columns] of Object.entries(migrated)) {
      const comparable = (shape: Record<string, Column>) =>
        Object.fromEntries(Object.entries(shape).map(([name, { type, nullable }]) => [name, { type, nullable }]))
      expect({ [table]: comparable(declared[table] ?? {}) }).toEqual({ [table]: comparable(columns) })
    }
  })

  it('calls nothing generated that has no default', async () => {
    const migrated = await migratedShape()
    const wrong = Object.entries(declaredShape()).flatMap(([table, columns]) =>
      Object.entries(columns).flatMap(([name, { generated }]) =>
        generated && migrated[table]?.[name]?.generated !== true ? [`${table}.${name}`] : [],
      ),
    )
    expect(wrong).toEqual([])
  })
})
