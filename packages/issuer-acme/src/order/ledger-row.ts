import { createHash } from 'node:crypto'
import { type Stored, z } from '@certctl/core'

export const orderPrefix = 'order/'
const rowSchema = z.object({
  request_id: z.string(),
  directory_url: z.string(),
  url: z.string(),
  at: z.string(),
  expires: z.string().optional(),
  identifiers: z.string(),
  is_exempt: z.boolean(),
  account: z.string().optional(),
  /** When its request last looked at it. */
  seen_at: z.string().optional(),
})
export type LedgerRow = z.output<typeof rowSchema>

const dayMs = 86_400_000
/** The longest window of a public CA's limits. */
export const ledgerMs = 7 * dayMs

export function orderKey(url: string): string {
  return `${orderPrefix}${createHash('sha256').update(url).digest('hex')}`
}

export function readRow({ value }: Pick<Stored, 'value'>): LedgerRow {
  return rowSchema.parse(value)
}
