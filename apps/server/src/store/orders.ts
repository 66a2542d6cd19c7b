import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { lockByKey, part, partsKey, rowsByAsked, rowsByKey } from './by-key.js'
import { insertInto, updateById } from './row-writes.js'
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

const byId = rowsByKey('id', (build, isIt) => build.selectFrom('orders').select(columns).where(isIt))
const locked = lockByKey('id', (build, isIt) => build.selectFrom('orders').select(columns).where(isIt).forNoKeyUpdate())
const openOfHolder = rowsByKey('holder_id', (build, isOfHolder) =>
  build.selectFrom('orders').select(columns).where(isOfHolder).where('state', '=', sql.lit('open')).forNoKeyUpdate(),
)
const newestOfKey = rowsByAsked<OrderRow>(
  (keys) => sql`
    select asked.key, newest.* from unnest(${keys}) as asked (key) cross join lateral (
      select ${sql.join(columns.map((column) => sql.ref(column)))} from orders
      where holder_id = ${part(0)} and spki_sha256 = ${part(1)}
      order by created_at desc, id desc limit 1) as newest`,
)
const insert = insertInto('orders')
const update = updateById('orders')

export function ordersTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<OrderTable>): Promise<void> {
      await insert(db, row)
    },

    /** Closed ones too. */
    async get(id: string): Promise<OrderRow | undefined> {
      return (await byId(db, id))[0]
    },

    /** Locks the row until the transaction ends; certificate and holder are locked before. */
    async lock(id: string): Promise<OrderRow | undefined> {
      return (await locked(db, id))[0]
    },

    async lockOpenOfHolder(holderId: string): Promise<OrderRow | undefined> {
      return (await openOfHolder(db, holderId))[0]
    },

    /** The newest one for this key, whatever became of it. */
    async findOfKey(holderId: string, spkiSha256: string): Promise<OrderRow | undefined> {
      return (await newestOfKey(db, partsKey(holderId, spkiSha256)))[0]
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
      await update(db, id, changes)
    },
  }
}
