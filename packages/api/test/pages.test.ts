import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { z } from 'zod'
import { listQuery, maxOffset, pageOf, pagingOf } from '../src/index.js'

const query = listQuery({ status: z.string().optional() })
const faultsOfQuery = (given: unknown) =>
  query.safeParse(given).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

describe('paging by offset', () => {
  it('is what a list does when nothing is asked', () => {
    expect(pagingOf(query.parse({}))).toEqual({ by: 'offset', page: 1, perPage: 50, offset: 0 })
  })

  it('takes numbers as text, as a query has them', () => {
    expect(pagingOf(query.parse({ page: '3', per_page: '20' }))).toEqual({
      by: 'offset',
      page: 3,
      perPage: 20,
      offset: 40,
    })
  })

  it.each([
    [{ page: '0' }, 'page: must be a whole number between 1 and 10000'],
    [{ page: '-1' }, 'page: must be a whole number between 1 and 10000'],
    [{ page: '1.5' }, 'page: must be a whole number between 1 and 10000'],
    [{ page: 'two' }, 'page: must be a whole number between 1 and 10000'],
    [{ page: '' }, 'page: must be a whole number between 1 and 10000'],
    [{ per_page: '501' }, 'per_page: must be a whole number between 1 and 500'],
    [{ per_page: '0' }, 'per_page: must be a whole number between 1 and 500'],
    [{ page_size: '501' }, 'page_size: must be a whole number between 1 and 500'],
  ])('refuses %j and names the bounds', (given, fault) => {
    expect(faultsOfQuery(given)).toEqual([fault])
  })

  it('ends at row 10,000 and says how to go on', () => {
    expect(faultsOfQuery({ page: '20', per_page: '500' })).toEqual([])
    expect(faultsOfQuery({ page: '21', per_page: '500' })).toEqual([
      'page: reaches beyond row 10,000; go on with page_size and cursor instead',
    ])
    expect(faultsOfQuery({ page: '201' })).toHaveLength(1)
  })

  it('never starts beyond the last row it allows', () => {
    fc.assert(
      fc.property(fc.integer({ min: -5, max: 20_000 }), fc.integer({ min: -5, max: 600 }), (page, perPage) => {
        const parsed = query.safeParse({ page: String(page), per_page: String(perPage) })
        if (!parsed.success) return true
        const paging = pagingOf(parsed.data)
        return paging.by === 'offset' && paging.offset >= 0 && paging.offset < maxOffset && paging.perPage <= 500
      }),
    )
  })
})

describe('paging by cursor', () => {
  it('starts with a page size alone and counts only where asked', () => {
    expect(pagingOf(query.parse({ page_size: '100' }))).toEqual({
      by: 'cursor',
      cursor: undefined,
      pageSize: 100,
      count: false,
    })
    expect(pagingOf(query.parse({ cursor: 'abc', count: 'true' }))).toEqual({
      by: 'cursor',
      cursor: 'abc',
      pageSize: 50,
      count: true,
    })
  })

  it('does not mix with paging by offset', () => {
    expect(faultsOfQuery({ page: '1', cursor: 'abc' })).toEqual(['cursor: does not go together with page and per_page'])
    expect(faultsOfQuery({ per_page: '1', page_size: '1' })).toEqual([
      'page_size: does not go together with page and per_page',
    ])
  })

  it('refuses a truth that is none', () => {
    expect(faultsOfQuery({ page_size: '1', count: 'perhaps' })).toEqual(['count: must be true or false'])
  })
})

describe('the envelope of a list', () => {
  const page = pageOf(z.object({ id: z.string() }), 'Thing')

  it('is one of both forms', () => {
    expect(page.safeParse({ data: [], total: 0, page: 1, per_page: 50 }).success).toBe(true)
    expect(page.safeParse({ data: [{ id: 'a' }], next_cursor: 'x', page_size: 1 }).success).toBe(true)
    expect(page.safeParse({ data: [], total: 10_000, total_capped: true, page: 1, per_page: 50 }).success).toBe(true)
  })

  it('has a list of data even when there is none', () => {
    expect(page.safeParse({ data: null, total: 0, page: 1, per_page: 50 }).success).toBe(false)
  })
})
