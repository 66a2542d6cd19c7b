import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../../src/store/database.js'
import { migrate } from '../../src/store/migrate.js'
import { type Migration, migrations } from '../../src/store/migrations/index.js'
import { type TestDatabase, testDatabase } from '../postgres.js'

interface Column {
  place: string
  type: string
  isNullable: boolean
  hasDefault: boolean
}
interface Shape {
  columns: Column[]
  /** What may refuse a row, by table. */
  constraints: { table: string; text: string }[]
}

/** Code of before on the shape of after: what it would stumble over. Empty: nothing. */
function hindrances(before: Shape, after: Shape): string[] {
  const tables = new Set(before.columns.map(({ place }) => place.split('.')[0] ?? ''))
  const found = after.columns.filter(({ place }) => tables.has(place.split('.')[0] ?? ''))
  const now = new Map(found.map((column) => [column.place, column]))
  const known = new Set(before.columns.map(({ place }) => place))
  const texts = new Set(before.constraints.map(({ table, text }) => `${table} ${text}`))
  return [
    ...before.columns.flatMap(({ place, type, isNullable, hasDefault }) => {
      const column = now.get(place)
      if (column === undefined) return [`${place} is gone`]
      if (column.type !== type) return [`${place} is ${column.type}, was ${type}`]
      if (isNullable && !column.isNullable) return [`${place} is not null now`]
      return hasDefault && !column.hasDefault && !column.isNullable ? [`${place} has no default any more`] : []
    }),
    ...found
      .filter(({ place, isNullable, hasDefault }) => !known.has(place) && !isNullable && !hasDefault)
      .map(({ place }) => `${place} is new and must be given`),
    ...after.constraints
      .filter(({ table, text }) => tables.has(table) && !texts.has(`${table} ${text}`))
      // Of new columns, which code of before leaves as they come.
      .filter(({ table, text }) => [...known].some((place) => mentions(place, table, text)))
      .map(({ table, text }) => `${table} refuses rows now that it took: ${text}`),
  ]
}

function mentions(place: string, table: string, text: string): boolean {
  const [of, column = ''] = place.split('.')
  return of === table && new RegExp(`\\b${column}\\b`).test(text)
}

describe('a migration', () => {
  let test: TestDatabase
  let database: Database
  beforeEach(async () => {
    test = await testDatabase({ empty: true })
    database = openDatabase({ address: test.address, maxConnections: 2 })
  })
  afterEach(async () => {
    await database.close()
    await test.close()
  })

  async function shape(): Promise<Shape> {
    const columns = await sql<Column>`
      select table_name || '.' || column_name as place, data_type as type, is_nullable = 'YES' as "isNullable",
        column_default is not null or is_generated = 'ALWAYS' or is_identity = 'YES' as "hasDefault"
      from information_schema.columns where table_schema = 'public'`.execute(database.db)
    const constraints = await sql<{ table: string; text: string }>`
      select conrelid::regclass::text as table, pg_get_constraintdef(oid) as text from pg_constraint
        where connamespace = 'public'::regnamespace and contype in ('c', 'u', 'x')
      union all
      select indrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index join pg_class on pg_class.oid = indrelid
        where indisunique and relnamespace = 'public'::regnamespace`.execute(database.db)
    return { columns: columns.rows, constraints: constraints.rows }
  }

  const step = async (list: readonly Migration[]) =>
    await migrate({ db: database.db, now: () => new Date('2026-11-25T12:00:00Z'), migrations: list })

  it.each(migrations.slice(1).map(({ name }, index) => ({ name, index: index + 1 })))(
    '$name only adds: code of before it works on',
    async ({ index }) => {
      await step(migrations.slice(0, index))
      const before = await shape()
      await step(migrations.slice(0, index + 1))
      expect(hindrances(before, await shape())).toEqual([])
    },
  )

  it.each([
    ['alter table api_keys drop column owner', 'api_keys.owner is gone'],
    ['alter table api_keys rename column owner to person', 'api_keys.owner is gone'],
    ['drop table join_tokens', 'join_tokens.id is gone'],
    ['alter table agents add column city text not null', 'agents.city is new and must be given'],
    ['alter table api_keys alter column owner set not null', 'api_keys.owner is not null now'],
    ['alter table agents alter column hostname type varchar(10)', 'agents.hostname is character varying, was text'],
    [
      'alter table certificates alter column environment drop default',
      'certificates.environment has no default any more',
    ],
    ['create unique index one_owner on api_keys (owner)', 'api_keys refuses rows now that it took'],
    ["alter table api_keys add check (name <> '')", 'api_keys refuses rows now that it took'],
  ])('that says "%s" would be found', async (statement, fault) => {
    await step(migrations)
    const before = await shape()
    await step([...migrations, { name: '9999-wrong', sql: statement }])
    expect(hindrances(before, await shape()).join('\n')).toContain(fault)
  })

  it('may add what code of before need not know', async () => {
    await step(migrations)
    const before = await shape()
    const harmless = `create table more (id text primary key);
      alter table api_keys add column city text;
      alter table api_keys add column floor integer not null default 0 check (floor >= 0);
      create index api_keys_city on api_keys (city)`
    await step([...migrations, { name: '9999-right', sql: harmless }])
    expect(hindrances(before, await shape())).toEqual([])
  })
})
