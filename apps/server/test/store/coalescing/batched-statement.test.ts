import { describe, expect, it } from '@jest/globals'
import { batchedStatement } from '../../../src/store/coalescing/batched-statement.js'

const twice = (sql: string, ...parameters: (readonly unknown[])[]) =>
  parameters.map((list) => ({ sql, parameters: list }))

describe('many statements of one text', () => {
  it('that read are one read over the rows of their parameters', () => {
    const many = twice('select "a" from "t" where "id" = $1 and "n" > $2', ['x', 1], ['y', 2])
    const batch = batchedStatement(many, ['text', 'integer'])
    expect(batch?.sql).toBe(
      'select k.n as "~", q.* from unnest($1::text[], $2::integer[]) with ordinality as k(p1, p2, n) ' +
        'cross join lateral (select "a" from "t" where "id" = k.p1 and "n" > k.p2) q order by k.n',
    )
    expect(batch?.parameters).toEqual([
      ['x', 'y'],
      [1, 2],
    ])
    expect(batch?.owner({ '~': '2' })).toBe(1)
  })

  it('that change rows by their ids are one change, unless they change the same row', () => {
    const sql = 'update "t" set "a" = $1 where "id" = $2 and "b" = $3'
    expect(batchedStatement(twice(sql, [1, 'x', true], [2, 'y', true]), ['integer', 'text', 'boolean'])?.sql).toBe(
      'update "t" set "a" = k.p1 from unnest($1::integer[], $2::text[], $3::boolean[]) with ordinality as k(p1, p2, p3, n) ' +
        'where "id" = k.p2 and "b" = k.p3 returning k.n as "~"',
    )
    expect(batchedStatement(twice(sql, [1, 'x', true], [2, 'x', true]), ['integer', 'text', 'boolean'])).toBeUndefined()
  })

  it('that insert are one insert whose rows are told apart by id', () => {
    const sql = 'insert into "t" ("id", "a") values ($1, $2) on conflict do nothing returning "id"'
    const batch = batchedStatement(twice(sql, ['x', 1], ['y', 2]), ['text', 'integer'])
    expect(batch?.sql).toBe(
      'insert into "t" ("id", "a") select k.p1, k.p2 from unnest($1::text[], $2::integer[]) with ordinality as k(p1, p2, n) ' +
        'order by k.n on conflict do nothing returning "id", "id" as "~"',
    )
    expect(batch?.owner({ '~': 'y' })).toBe(1)
  })

  it.each([
    ['of which the types are not known', 'select $1', []],
    ['with lists as parameters', 'select 1 where $1 = any(k)', ['text[]']],
    ['with other parameters than the first', 'select $1, $2', ['text', 'text']],
    ['that change rows by something else than their id', 'update "t" set "a" = 1 where "b" = $1', ['text']],
    ['that remove', 'delete from "t" where "id" = $1', ['text']],
    [
      'that insert without an id where one may be passed over',
      'insert into "t" ("a") values ($1) on conflict do nothing',
      ['text'],
    ],
    ['that begin with something else', 'with x as (select $1) select * from x', ['text']],
  ])('%s are sent one by one', (_, sql, types) => {
    expect(batchedStatement(twice(sql, ['x'], ['y']), types)).toBeUndefined()
  })
})
