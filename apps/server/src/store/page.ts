import { type SelectQueryBuilder, type SqlBool, sql } from 'kysely'

/** Totals are exact up to here and capped beyond: counting a million rows for each page costs more than the page. */
export const largestTotal = 10_000

/** Where a page starts: the sort value and the id of the row before it. */
export interface PageStart {
  value: string | number | null
  id: string
}

export interface PageRequest {
  limit: number
  /** Rows to skip; a keyset page has none. */
  offset?: number | undefined
  after?: PageStart | undefined
  /** Whether the number of all rows is wanted. */
  count: boolean
}

export interface Page<Row> {
  rows: Row[]
  total?: number | undefined
  totalCapped?: boolean | undefined
  /** Present when there are more rows. */
  next?: PageStart | undefined
}

export interface PageOrder<Row> {
  /** The columns as the query knows them, table in front where it joins; the second is unique. */
  columns: readonly [sort: string, id: string]
  descending?: boolean | undefined
  startOf(row: Row): PageStart
}

/** Reads one page of `query`, which has its conditions and columns but no order. */
export async function readPage<DB, TB extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, TB, Row>,
  order: PageOrder<Row>,
  request: PageRequest,
): Promise<Page<Row>> {
  const [rows, total] = await Promise.all([
    ordered(query, order, request).execute(),
    request.count ? countUpTo(query) : undefined,
  ])
  const page: Page<Row> = { rows: rows.slice(0, request.limit) }
  const last = page.rows.at(-1)
  if (rows.length > request.limit && last !== undefined) page.next = order.startOf(last)
  if (total === undefined) return page
  return { ...page, total: Math.min(total, largestTotal), totalCapped: total > largestTotal }
}

function ordered<DB, TB extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, TB, Row>,
  { columns: [sort, id], descending = false }: PageOrder<Row>,
  { limit, offset = 0, after }: PageRequest,
): SelectQueryBuilder<DB, TB, Row> {
  const direction = descending ? 'desc' : 'asc'
  const from =
    after === undefined
      ? query
      : query.where(
          sql<SqlBool>`(${sql.ref(sort)}, ${sql.ref(id)}) ${sql.raw(descending ? '<' : '>')} (${after.value}, ${after.id})`,
        )
  const sorted = from
    .orderBy(sql`${sql.ref(sort)}`, direction)
    .orderBy(sql`${sql.ref(id)}`, direction)
    .limit(limit + 1)
  return offset === 0 ? sorted : sorted.offset(offset)
}

async function countUpTo<DB, TB extends keyof DB, Row>(query: SelectQueryBuilder<DB, TB, Row>): Promise<number> {
  const counted = query
    .clearSelect()
    .select(sql<number>`1`.as('one'))
    .limit(largestTotal + 1)
  return (await counted.execute()).length
}

/** The time and the id of a `place` as lists in the order of both answer it; where none is given, before all of them. */
export function readPlace(place: string): { time: string; id: string } {
  const [, time = '-infinity', id = ''] = /^(\S+) (.*)$/s.exec(place) ?? []
  return { time, id }
}
