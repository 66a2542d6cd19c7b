import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { AuditFilter } from '../store/audit-events.js'
import { largestTotal, type Page, type PageRequest } from '../store/page.js'

/** An entry as its hashed text says it. */
export interface RecordedEntry {
  id: string
  actor: { id: string; name: string; type: 'User' | 'System' | 'Agent' }
  action: string
  resource_type: string
  resource_id: string
  details?: Record<string, unknown> | undefined
  at: string
}

/** The record, newest first. */
export async function listEntries(
  { store }: Pick<Services, 'store'>,
  filter: AuditFilter,
  { limit, offset, after, count }: PageRequest,
): Promise<Page<RecordedEntry>> {
  const before = after === undefined ? undefined : { at: new Date(after.value ?? 0), id: after.id }
  const [rows, total] = await Promise.all([
    store.auditEvents.list(filter, { limit: limit + 1, offset, before }),
    count ? store.auditEvents.count(filter, largestTotal + 1) : undefined,
  ])
  const entries = rows.slice(0, limit)
  const last = entries.at(-1)
  return {
    rows: entries.map(({ canonical }) => parsed(canonical)),
    ...(rows.length > limit && last !== undefined ? { next: { value: last.at.toISOString(), id: last.id } } : {}),
    ...(total === undefined ? {} : { total: Math.min(total, largestTotal), totalCapped: total > largestTotal }),
  }
}

/** One entry; throws `not_found`. */
export async function getEntry({ store }: Pick<Services, 'store'>, id: string): Promise<RecordedEntry> {
  const row = await store.auditEvents.find(id)
  if (row === undefined) throw new CertctlError('not_found', `There is no entry "${id}" in the record`)
  return parsed(row.canonical)
}

function parsed(canonical: string): RecordedEntry {
  return JSON.parse(canonical) as RecordedEntry
}
