import { type Operation, parseRequest } from '@certctl/api'
import type { z } from '@certctl/core'

/** A body as an operator gave it, held to the contract before it is sent: all faults at once, by field. */
export function parseBody<O extends Operation & { body: z.ZodType }>(
  operation: O,
  body: Readonly<Record<string, unknown>>,
): z.output<O['body']> {
  return parseRequest({ ...operation, params: undefined, query: undefined }, { params: {}, query: {}, body })
    .body as z.output<O['body']>
}
