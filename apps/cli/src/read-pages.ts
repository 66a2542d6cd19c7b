import { maxOffset } from '@certctl/api'
import { CertctlError, z } from '@certctl/core'
import type { ListAnswer } from './cli.js'
import { typedNumber } from './verb.js'

export const pageOptions = {
  '--page <number>': 'Which page; the first where not given',
  '--per-page <number>': 'Rows of a page, at most 500; 50 where not given',
  '--all': 'Every page',
}

export const pageGiven = {
  page: typedNumber(1, 10_000).optional(),
  perPage: typedNumber(1, 500).optional(),
  all: z.boolean().optional(),
}

interface PageQuery {
  page?: number | undefined
  per_page?: number | undefined
  page_size?: number | undefined
  cursor?: string | undefined
}
interface Asked {
  page?: number | undefined
  perPage?: number | undefined
  all?: boolean | undefined
}

/** One page as the server sent it, or with `--all` everything, cursor by cursor. */
export async function readPages<Row>(
  { page, perPage, all }: Asked,
  read: (query: PageQuery) => Promise<{ body: ListAnswer<Row> }>,
): Promise<ListAnswer<Row>> {
  if (all !== true) {
    if (((page ?? 1) - 1) * (perPage ?? 50) >= maxOffset)
      throw new CertctlError('request_malformed', '--page reaches beyond row 10,000; take everything with --all')
    return (await read({ page, per_page: perPage })).body
  }
  const data: Row[] = []
  let cursor: string | undefined
  do {
    const { body } = await read(cursor === undefined ? { page_size: 500 } : { page_size: 500, cursor })
    data.push(...body.data)
    cursor = body.next_cursor
  } while (cursor !== undefined)
  return { data, total: data.length }
}
