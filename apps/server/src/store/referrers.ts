import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.js'

/** A column that names a noun; archived certificates do not count, since nobody can change them any more. */
export interface ReferringColumn {
  table: 'certificates' | 'owners' | 'renewal_policies'
  column: 'owner_id' | 'team_id' | 'renewal_policy_id' | 'certificate_profile_id'
}

export interface Referrers {
  /** Exact up to 10,000. */
  count: number
  /** The first five. */
  ids: string[]
}

const mostCounted = 10_000

export function referrersTable(db: Kysely<Schema>) {
  return {
    /** Who names this id there. */
    async of({ table, column }: ReferringColumn, id: string): Promise<Referrers> {
      const living = table === 'certificates' ? sql`and archived_at is null` : sql``
      const { rows } = await sql<Referrers>`
        with found as (
          select id from ${sql.table(table)} where ${sql.ref(column)} = ${id} ${living} limit ${mostCounted}
        )
        select (select count(*)::int from found) as count,
          array(select id from found order by id limit 5) as ids`.execute(db)
      return rows[0] ?? { count: 0, ids: [] }
    },
  }
}
