import type { DatabaseConnection, Kysely } from 'kysely'
import { mergeableOf } from '../mergeable.js'
import type { Schema } from '../schema.js'
import { createMergingLanes } from './merging-lanes.js'
import { builderOn } from './pipelined.js'

const nothing = { failed: () => undefined, absent: () => undefined }

/**
 * For what is read outside of transactions: those who read by a key within one turn of the event loop are one statement. Where that is
 * refused, as for a key that the database cannot take, each hears what its own comes to.
 */
export function mergingReads(db: Kysely<Schema>): Kysely<Schema> {
  const execute: DatabaseConnection['executeQuery'] = async (query) => await db.executeQuery(query as never)
  const laneOf = createMergingLanes(execute, { onShared: 'each asks again', soon: setImmediate })
  return builderOn(
    async (query) => {
      const kind = mergeableOf(query.sql)?.kind
      return (await (kind === 'rows' || kind === 'same' ? laneOf(nothing)(query) : execute(query))) as never
    },
    async () => {
      throw new TypeError('A transaction has a connection of its own: begin it in the store')
    },
  )
}
