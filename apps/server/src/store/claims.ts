import type { Kysely } from 'kysely'
import type { Schema } from './schema.js'

/** Which target writes which place. */
export function claimsTable(db: Kysely<Schema>) {
  return {
    /** Takes a place for a target, or returns the target that has it. */
    async take(claim: { scope: string; place: string; target_id: string }): Promise<string | undefined> {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('claims')
        .values(claim)
        .onConflict((conflict) => conflict.columns(['scope', 'place']).doNothing())
        .executeTakeFirst()
      if ((numInsertedOrUpdatedRows ?? 0n) > 0n) return undefined
      const row = await db
        .selectFrom('claims')
        .select('target_id')
        .where('scope', '=', claim.scope)
        .where('place', '=', claim.place)
        .executeTakeFirst()
      return row?.target_id === claim.target_id ? undefined : row?.target_id
    },

    async listOfTarget(targetId: string): Promise<{ scope: string; place: string }[]> {
      return await db
        .selectFrom('claims')
        .select(['scope', 'place'])
        .where('target_id', '=', targetId)
        .orderBy('scope')
        .orderBy('place')
        .execute()
    },

    async release(targetId: string): Promise<void> {
      await db.deleteFrom('claims').where('target_id', '=', targetId).execute()
    },
  }
}
