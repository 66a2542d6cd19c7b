import { type Paging, pagingOf } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Sealing } from '../access/sealing.js'
import type { JsonPage } from '../store/certificate-list.js'
import type { Page, PageRequest, PageStart } from '../store/page.js'

type ListQuery = Parameters<typeof pagingOf>[0]

/** A list query's paging in both forms: as the store takes it, and the envelope around what the store answers. */
export interface Listing {
  request: PageRequest
  envelope<Row, Item>(page: Page<Row>, itemOf: (row: Row) => Item): Envelope<Item>
  /** The same for items that the database wrote: the whole answer's text. */
  jsonEnvelope(page: JsonPage): string
}

export type Envelope<Item> =
  | { data: Item[]; total: number; total_capped?: true; page: number; per_page: number }
  | { data: Item[]; next_cursor?: string; page_size: number; total?: number; total_capped?: true }

/** `list` names the list (its operation id): the cursor of one list does not open another. */
export function listingOf(sealing: Sealing, list: string, query: ListQuery): Listing {
  const paging = pagingOf(query)
  const place = { table: 'cursor', id: list, column: 'page' }
  const frame = (page: Omit<Page<unknown>, 'rows'>, rows: number) => {
    const capped = page.totalCapped === true ? { total_capped: true as const } : {}
    if (paging.by === 'offset')
      return { total: page.total ?? rows, ...capped, page: paging.page, per_page: paging.perPage }
    const next = page.next === undefined ? undefined : sealing.sealPassing(JSON.stringify(page.next), place)
    return {
      ...(next === undefined ? {} : { next_cursor: next.toString('base64url') }),
      page_size: paging.pageSize,
      ...(page.total === undefined ? {} : { total: page.total, ...capped }),
    }
  }
  return {
    request: requestOf(paging, (cursor) => openCursor(() => sealing.open(Buffer.from(cursor, 'base64url'), place))),
    envelope: (page, itemOf) => {
      const data = page.rows.map(itemOf)
      return { data, ...frame(page, data.length) }
    },
    jsonEnvelope: ({ items, ...page }) => `{"data":[${items}],${JSON.stringify(frame(page, 0)).slice(1)}`,
  }
}

function requestOf(paging: Paging, open: (cursor: string) => PageStart): PageRequest {
  if (paging.by === 'offset') return { limit: paging.perPage, offset: paging.offset, count: true }
  const { cursor, pageSize, count } = paging
  return { limit: pageSize, after: cursor === undefined ? undefined : open(cursor), count }
}

function openCursor(open: () => Buffer): PageStart {
  try {
    return JSON.parse(open().toString('utf8')) as PageStart
  } catch (cause) {
    const message = 'is not a next_cursor of this list; start again with page_size'
    throw new CertctlError('request_malformed', `cursor: ${message}`, {
      cause,
      errors: [{ field: 'cursor', message }],
    })
  }
}
