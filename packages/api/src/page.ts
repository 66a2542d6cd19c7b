import { z } from 'zod'
import { flag, wholeNumber } from './scalars.js'

/** No list goes further by offset; a cursor does. */
export const maxOffset = 10_000
export const maxPageSize = 500
const usualPageSize = 50

const pageShape = {
  page: wholeNumber(1, maxOffset).optional().describe('Page by offset, from 1. Not beyond 10,000 rows.'),
  per_page: wholeNumber(1, maxPageSize).optional().describe('Rows of a page by offset; 50 where not given.'),
  page_size: wholeNumber(1, maxPageSize).optional().describe('Alone it starts paging by cursor.'),
  cursor: z.string().min(1).max(2048).optional().describe('The next_cursor of the page before.'),
  count: flag().optional().describe('With a cursor: whether to count the total as well.'),
}

type PageQuery = { [K in keyof typeof pageShape]?: z.output<(typeof pageShape)[K]> }

/** The query of a list: paging in both forms beside the list's own filters. */
export function listQuery<S extends z.ZodRawShape>(filters: S) {
  return z.strictObject({ ...pageShape, ...filters }).superRefine((query, context) => {
    const fault = pagingFault(query as PageQuery)
    if (fault !== undefined) context.addIssue({ code: 'custom', path: [fault.field], message: fault.message })
  })
}

function pagingFault({ page, per_page, page_size, cursor }: PageQuery): { field: string; message: string } | undefined {
  const byOffset = page !== undefined || per_page !== undefined
  const byCursor = cursor !== undefined || page_size !== undefined
  if (byOffset && byCursor)
    return {
      field: cursor === undefined ? 'page_size' : 'cursor',
      message: 'does not go together with page and per_page',
    }
  if (((page ?? 1) - 1) * (per_page ?? usualPageSize) < maxOffset) return undefined
  return { field: 'page', message: 'reaches beyond row 10,000; go on with page_size and cursor instead' }
}

export type Paging =
  | { by: 'offset'; page: number; perPage: number; offset: number }
  | { by: 'cursor'; cursor: string | undefined; pageSize: number; count: boolean }

/** Which of both forms a parsed list query asks for. */
export function pagingOf(query: PageQuery): Paging {
  const { page = 1, per_page: perPage = usualPageSize, page_size, cursor, count = false } = query
  if (cursor !== undefined || page_size !== undefined)
    return { by: 'cursor', cursor, pageSize: page_size ?? usualPageSize, count }
  return { by: 'offset', page, perPage, offset: (page - 1) * perPage }
}

/** The answer of a list: the envelope of the form that was asked for. `data` is never null. */
export function pageOf<S extends z.ZodType>(item: S, id: string) {
  const data = z.array(item)
  const byOffset = z
    .object({
      data,
      total: z.number().describe('Exact up to 10,000.'),
      total_capped: z.literal(true).optional().describe('There are more than 10,000.'),
      page: z.number(),
      per_page: z.number(),
    })
    .meta({ id: `${id}Page` })
  const byCursor = z
    .object({
      data,
      next_cursor: z.string().optional().describe('Absent at the end.'),
      page_size: z.number(),
      total: z.number().optional().describe('Only with count=true.'),
      total_capped: z.literal(true).optional(),
    })
    .meta({ id: `${id}CursorPage` })
  return z.union([byOffset, byCursor])
}
