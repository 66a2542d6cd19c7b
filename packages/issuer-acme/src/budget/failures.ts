import { createHash } from 'node:crypto'
import { z } from '@certctl/core'
import type { Acme } from '../acme.js'
import type { Authorization } from '../order/order.js'

const prefix = 'failure/'
const hourMs = 3_600_000
const rowSchema = z.object({ name: z.string(), at: z.string() })
export type FailureRow = z.output<typeof rowSchema>

/** Names that the CA could not validate count against its limits for an hour. Repeating one order's end counts once. */
export async function recordFailures({ host }: Acme, failed: readonly Authorization[]): Promise<void> {
  const now = host.now()
  for (const { url, identifier } of failed) {
    const key = `${prefix}${createHash('sha256').update(url).digest('hex')}`
    const row: FailureRow = { name: identifier.value.toLowerCase(), at: now.toISOString() }
    await host.state.put(key, row, { expiresAt: new Date(now.getTime() + hourMs) })
  }
}

export async function listFailures({ host }: Acme): Promise<FailureRow[]> {
  const rows: FailureRow[] = []
  for await (const { value } of host.state.list(prefix)) rows.push(rowSchema.parse(value))
  return rows
}
