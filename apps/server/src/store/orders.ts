import type { Insertable, Kysely, Selectable, Updateable } from 'kysely'
import type { OrderTable, Schema } from './schema.js'

const columns = [
  'id',
  'holder_id',
  'certificate_id',
  'issuer_id',
  'state',
  'generation',
  'csr_pem',
  'spki_sha256',
  'previous_version_id',
  'vendor_order_id',
  'progress',
  'attempts',
  'looks',
  'first_asked_at',
  'next_look_at',
  'deadline',
  'waiting_for',
  'detail',
  'last_error_code',
  'last_error',
  'created_at',
  'closed_at',
  'close_reason',
] as const

export type OrderRow = Selectable<OrderTable>

export function ordersTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<OrderTable>): Promise<void> {
      await db.insertInto('orders').values(row).execute()
    },

    /** Closed ones too. */
    async get(id: string): Promise<OrderRow | undefined> {
      return await db.selectFrom('orders').select(columns).where('id', '=', id).executeTakeFirst()
    },

    /** Locks the row until the transaction ends; certificate and holder are locked before. */
    async lock(id: string): Promise<OrderRow | undefined> {
      return await db.selectFrom('orders').select(columns).where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
    },

    async lockOpenOfHolder(holderId: string): Promise<OrderRow | undefined> {
      return await db
        .selectFrom('orders')
        .select(columns)
        .where('holder_id', '=', holderId)
        .where('state', '=', 'open')
        .forNoKeyUpdate()
        .executeTakeFirst()
    },

    /** The newest one for this key, whatever became of it. */
    async findOfKey(holderId: string, spkiSha256: string): Promise<OrderRow | undefined> {
      return await db
        .selectFrom('orders')
        .select(columns)
        .where('holder_id', '=', holderId)
        .where('spki_sha256', '=', spkiSha256)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst()
    },

    /** Open ones for these keys, whoever placed them, in the order of their certificates. Not locked. */
    async listOpenOfKeys(keys: readonly string[]): Promise<OrderRow[]> {
      if (keys.length === 0) return []
      return await db
        .selectFrom('orders')
        .select(columns)
        .where('spki_sha256', 'in', [...keys])
        .where('state', '=', 'open')
        .orderBy('certificate_id')
        .orderBy('holder_id')
        .execute()
    },

    /** Open ones without an open job: what the reconciler gives one again. */
    async listWithoutJob({
      after,
      limit,
    }: {
      after: string
      limit: number
    }): Promise<{ id: string; certificate_id: string }[]> {
      return await db
        .selectFrom('orders')
        .select(['orders.id', 'orders.certificate_id'])
        .where('orders.state', '=', 'open')
        .where('orders.id', '>', after)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('jobs')
                .select('jobs.id')
                .whereRef('jobs.order_id', '=', 'orders.id')
                .where('jobs.state', 'not in', ['done', 'cancelled']),
            ),
          ),
        )
        .orderBy('orders.id')
        .limit(limit)
        .execute()
    },

    async update(id: string, changes: Updateable<OrderTable>): Promise<void> {
      await db.updateTable('orders').set(changes).where('id', '=', id).execute()
    },
  }
}
