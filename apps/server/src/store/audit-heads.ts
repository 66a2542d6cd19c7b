import type { Kysely } from 'kysely'
import type { Schema } from './schema.js'

export interface HeadState {
  head: number
  batch: number
  /** Lower-case hex. */
  hash: string
}

/** Where each chain of batches stands. */
export function auditHeadsTable(db: Kysely<Schema>) {
  return {
    /** All heads as of one instant. */
    list: async (): Promise<HeadState[]> => {
      const rows = await db.selectFrom('audit_heads').select(['head', 'batch', 'hash']).orderBy('head').execute()
      return rows.map(({ head, batch, hash }) => ({ head, batch: Number(batch), hash: hash.toString('hex') }))
    },
  }
}
