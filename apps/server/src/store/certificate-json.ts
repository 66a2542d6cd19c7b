import { type RawBuilder, sql } from 'kysely'
import { statusWord } from './certificate-filter.js'

/**
 * The text of a certificate of a list as the wire has it (`inventory/certificate-view.ts`): `l` is its row of `listed_certificates`,
 * beside which the database keeps most of it; the status depends on the moment and is written into it. Rows that nothing has changed
 * since an upgrade may have no text yet.
 */
export function certificateJson(now: Date): RawBuilder<unknown> {
  return sql`'{"id":' || to_json(l.id)::text || ',"status":"' || ${statusWord(now)} || '"' || coalesce(l.item, missing_item(l.id), '') || '}'`
}

/** Of objects with commas between them only these members, and always the id. */
export function withFields(items: string, fields: readonly string[]): string {
  const wanted = new Set(['id', ...fields])
  const whole = JSON.parse(`[${items}]`) as Record<string, unknown>[]
  return whole
    .map((item) => JSON.stringify(Object.fromEntries(Object.entries(item).filter(([name]) => wanted.has(name)))))
    .join(',')
}
