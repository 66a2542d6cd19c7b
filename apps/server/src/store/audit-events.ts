import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import type { Schema } from './schema.js'

export interface AuditFilter {
  actor?: string | undefined
  actor_type?: string | undefined
  action?: string | undefined
  resource_type?: string | undefined
  resource_id?: string | undefined
  since?: Date | undefined
  until?: Date | undefined
}

const columns = ['id', 'canonical', 'actor', 'actor_type', 'action', 'resource_type', 'resource_id', 'at'] as const

/** The entries. Written by `audit-batch.ts` only. */
export function auditEventsTable(db: Kysely<Schema>) {
  return {
    find: async (id: string) =>
      await db.selectFrom('audit_events').select(columns).where('id', '=', id).executeTakeFirst(),

    /** Newest first; `before` is the last row of the page before. */
    list: async (
      filter: AuditFilter,
      page: { limit: number; offset?: number | undefined; before?: { at: Date; id: string } | undefined },
    ) => {
      const { before } = page
      const query = db
        .selectFrom('audit_events')
        .select(columns)
        .where((eb) => eb.and(conditions(eb, filter)))
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit)
        .offset(page.offset ?? 0)
      if (before === undefined) return await query.execute()
      return await query.where(sql<boolean>`(at, id) < (${before.at}, ${before.id})`).execute()
    },

    /** Exact up to `cap`, then `cap`. */
    async count(filter: AuditFilter, cap: number): Promise<number> {
      const row = await db
        .selectFrom((from) =>
          from
            .selectFrom('audit_events')
            .select('id')
            .where((eb) => eb.and(conditions(eb, filter)))
            .limit(cap)
            .as('matching'),
        )
        .select(({ fn }) => fn.countAll<string>().as('count'))
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },

    /** The entries of a run of batches of one head, in order. */
    ofBatches: async (range: { head: number; from: number; to: number }) =>
      await db
        .selectFrom('audit_events')
        .select([...columns, 'head', 'batch', 'leaf', 'leaf_hash'])
        .where('head', '=', range.head)
        .where('batch', '>=', String(range.from))
        .where('batch', '<=', String(range.to))
        .orderBy('batch')
        .orderBy('leaf')
        .execute(),

    /** An entry that belongs to no batch: only possible for one that was put there past the constraint. */
    firstWithoutBatch: async () =>
      await db
        .selectFrom('audit_events')
        .leftJoin('audit_batches', (join) =>
          join
            .onRef('audit_batches.head', '=', 'audit_events.head')
            .onRef('audit_batches.batch', '=', 'audit_events.batch'),
        )
        .select(['audit_events.id', 'audit_events.head', 'audit_events.batch', 'audit_events.leaf'])
        .where('audit_batches.batch', 'is', null)
        .orderBy('audit_events.at')
        .limit(1)
        .executeTakeFirst(),
  }
}

function conditions(eb: ExpressionBuilder<Schema, 'audit_events'>, filter: AuditFilter) {
  const equal = (['actor', 'actor_type', 'action', 'resource_type', 'resource_id'] as const).flatMap((column) => {
    const value = filter[column]
    return value === undefined ? [] : [eb(column, '=', value)]
  })
  const since = filter.since === undefined ? [] : [eb('at', '>=', filter.since)]
  const until = filter.until === undefined ? [] : [eb('at', '<', filter.until)]
  return [...equal, ...since, ...until]
}
