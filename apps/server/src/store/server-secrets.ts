import type { Kysely } from 'kysely'
import type { Schema } from './schema.js'

/** Sealed values of the server itself, by name. Written once: copies that start together agree on the first one's. */
export function serverSecretsTable(db: Kysely<Schema>) {
  const find = async (name: string): Promise<Buffer | undefined> =>
    (await db.selectFrom('server_secrets').select('value').where('name', '=', name).executeTakeFirst())?.value

  return {
    find,
    /** The value that is there afterwards: ours, or that of the copy that was faster. */
    async keepFirst(row: { name: string; value: Buffer; created_at: Date }): Promise<Buffer> {
      await db
        .insertInto('server_secrets')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doNothing())
        .execute()
      return (await find(row.name)) ?? row.value
    },
    /** Replaces the value unless somebody else replaced it since `seen`; says whether it did. */
    async replace(row: { name: string; value: Buffer; seen: Buffer; created_at: Date }): Promise<boolean> {
      const { numUpdatedRows } = await db
        .updateTable('server_secrets')
        .set({ value: row.value, created_at: row.created_at })
        .where('name', '=', row.name)
        .where('value', '=', row.seen)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
  }
}
