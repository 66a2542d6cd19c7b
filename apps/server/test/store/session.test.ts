import { Secret } from '@certctl/core'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import pg from 'pg'
import { connectionOf, type Database, openDatabase } from '../../src/store/database.js'
import { type TestDatabase, testDatabase } from '../postgres.js'

let test: TestDatabase
let database: Database
beforeAll(async () => {
  test = await testDatabase({ empty: true })
  const client = new pg.Client(connectionOf(test.address))
  await client.connect()
  const name = new URL(test.url).pathname.slice(1)
  await client.query(`alter database ${name} set timezone = 'Europe/Berlin'`)
  await client.query(`alter database ${name} set datestyle = 'German, DMY'`)
  await client.query(`alter database ${name} set intervalstyle = 'iso_8601'`)
  await client.end()
  database = openDatabase({ address: { url: new Secret(test.url) }, maxConnections: 3 })
})
afterAll(async () => {
  await database.close()
  await test.close()
})

it('reads and counts times alike, whatever its database is set to', async () => {
  const ask = async () =>
    await sql<{ at: Date; text: string; next: Date; left: string }>`select
      timestamptz '2026-03-28T12:00:00.5Z' as at,
      (timestamptz '2026-07-01T12:00:00Z')::text as text,
      timestamptz '2026-03-28T12:00:00Z' + interval '1 day' as next,
      interval '1 day 2 hours'::text as left`.execute(database.db)
  for (const { rows } of await Promise.all([ask(), ask(), ask()]))
    expect(rows).toEqual([
      {
        at: new Date('2026-03-28T12:00:00.500Z'),
        text: '2026-07-01 12:00:00+00',
        next: new Date('2026-03-29T12:00:00Z'),
        left: '1 day 02:00:00',
      },
    ])
})
