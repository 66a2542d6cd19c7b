import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import pg from 'pg'
import { connectionOf } from '../../src/store/database.js'
import { askDatabase } from '../../src/store/kept-query.js'
import { type TestDatabase, testDatabase } from '../postgres.js'

let database: TestDatabase
let client: pg.Client
/** How often a description was asked for. */
const described = jest.fn()

beforeAll(async () => {
  database = await testDatabase({ empty: true })
  // As the pool's clients are.
  client = new pg.Client({ ...connectionOf(database.address), pipeline: true })
  await client.connect()
  const { connection } = client as unknown as { connection: { describe(message: object): void } }
  const describeAsUsual = connection.describe
  connection.describe = function (message) {
    described()
    describeAsUsual.call(this, message)
  }
})
afterAll(async () => {
  await client.end()
  await database.close()
})

const everyType = `select $1::int as n, $1::int::bigint as big, null::text as nothing, 'text "with" quotes' as "a ""name""", true as yes,
  timestamptz '2026-11-26 01:02:03.456+00' as at, date '2026-11-26' as day, '{"a":[1,null]}'::jsonb as document, array['a', null] as list,
  '\\x00ff'::bytea as bytes, 'infinity'::timestamptz as never, 1.5::numeric as exact, 'x' as "__proto__", 2 as same, 3 as same`

describe('a kept statement', () => {
  it('answers what the driver answers, for every type of column and however often it is asked', async () => {
    for (const n of [1, 2, 3]) {
      const { rows, command, rowCount } = await askDatabase(client, { name: 'types', text: everyType, values: [n] })
      const theirs = await client.query(everyType, [n])
      expect({ command, rowCount }).toEqual({ command: theirs.command, rowCount: theirs.rowCount })
      expect(rows).toEqual(theirs.rows)
      expect(Object.keys(rows[0] ?? {})).toContain('__proto__')
      expect(Object.getPrototypeOf(rows[0])).toBe(Object.prototype)
    }
  })

  it('is described once per connection', async () => {
    const ask = async () => await askDatabase(client, { name: 'once', text: 'select $1::int as n', values: [7] })
    await ask()
    described.mockClear()
    expect([await ask(), await ask()].map(({ rows }) => rows)).toEqual([[{ n: 7 }], [{ n: 7 }]])
    expect(described).not.toHaveBeenCalled()
    const second = new pg.Client({ ...connectionOf(database.address), pipeline: true })
    await second.connect()
    const { rows } = await askDatabase(second, { name: 'once', text: 'select $1::int as n', values: [8] })
    expect(rows).toEqual([{ n: 8 }])
    await second.end()
  })

  it('is not taken for another one that is asked in the same moment', async () => {
    const asked = Array.from({ length: 20 }, async (_, index) => {
      const text = index % 2 === 0 ? 'select $1::int as even' : 'select $1::text as odd, 1 as more'
      return (await askDatabase(client, { name: index % 2 === 0 ? 'even' : 'odd', text, values: [index] })).rows[0]
    })
    expect(await Promise.all(asked)).toEqual(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? { even: index } : { odd: String(index), more: 1 })),
    )
  })

  it('counts rows where there are none to read', async () => {
    await client.query('create table things (n int primary key, word text)')
    const put = async (n: number) =>
      await askDatabase(client, { name: 'put', text: 'insert into things values ($1, $2)', values: [n, 'w'] })
    for (const n of [1, 2, 3]) expect(await put(n)).toMatchObject({ command: 'INSERT', rowCount: 1, rows: [] })
    await expect(put(3)).rejects.toMatchObject({ code: '23505' })
    expect(await put(4)).toMatchObject({ rowCount: 1, rows: [] })
  })

  it('is refused when its columns have changed, instead of being read by the old ones', async () => {
    await client.query('create table shapes (a int, b text)')
    await client.query("insert into shapes values (1, 'one')")
    const ask = async () =>
      await askDatabase(client, { name: 'shapes', text: 'select * from shapes where a = $1', values: [1] })
    expect([(await ask()).rows, (await ask()).rows]).toEqual([[{ a: 1, b: 'one' }], [{ a: 1, b: 'one' }]])
    await client.query('alter table shapes drop column b')
    await client.query('alter table shapes add column c int default 5')
    await expect(ask()).rejects.toThrow('cached plan must not change result type')
  })

  it('without a name is asked anew each time', async () => {
    for (const n of [1, 2, 3])
      expect(
        (await askDatabase(client, { name: undefined, text: 'select $1::int + 1 as n', values: [n] })).rows,
      ).toEqual([{ n: n + 1 }])
    // Several in one text, as those of a migration are.
    await askDatabase(client, { name: undefined, text: 'create table a (n int); create table b (n int)', values: [] })
    expect((await client.query('select a.n from a, b')).rows).toEqual([])
  })

  it('says what is wrong with a statement, and the next one works', async () => {
    await expect(
      askDatabase(client, { name: 'wrong', text: 'select nothing from nowhere where $1', values: [1] }),
    ).rejects.toThrow('relation "nowhere" does not exist')
    await expect(
      askDatabase(client, { name: 'cast', text: 'select $1::int as n', values: ['x'] }),
    ).rejects.toMatchObject({ code: '22P02' })
    expect((await askDatabase(client, { name: 'cast', text: 'select $1::int as n', values: ['5'] })).rows).toEqual([
      { n: 5 },
    ])
  })
})
