import type { z } from '@certctl/core'
import type { NounRow } from '../../store/noun-table.js'

/** A row as the schema of the wire has it: times as text, and what is not set left out. */
export function nounView<S extends z.ZodObject>(schema: S, row: NounRow): z.output<S> {
  const set = Object.entries(row).filter(([, value]) => value !== null)
  const shown = set.map(([field, value]) => [field, value instanceof Date ? value.toISOString() : value])
  return schema.parse(Object.fromEntries(shown))
}
