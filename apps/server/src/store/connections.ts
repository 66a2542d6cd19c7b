import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { rowsByKey } from './by-key.js'
import { type Page, type PageRequest, readPage } from './page.js'
import type { ConnectionsTable, Schema } from './schema.js'

const columns = [
  'id',
  'kind',
  'type',
  'name',
  'config',
  'secrets',
  'enabled',
  'source',
  'generation',
  'last_tested_at',
  'test_status',
  'test_message',
  'created_at',
  'updated_at',
  'paused_until',
  'maintain_at',
  'maintain_failures',
] as const

export type ConnectionRow = Selectable<ConnectionsTable>
const byId = rowsByKey('id', (build, isIt) => build.selectFrom('connections').select(columns).where(isIt))
export type ConnectionKind = ConnectionsTable['kind']

export interface ConnectionFilter {
  kind: ConnectionKind
  type?: string | undefined
  enabled?: boolean | undefined
}

export function connectionsTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<ConnectionsTable>): Promise<void> {
      await db.insertInto('connections').values(row).execute()
    },

    async get(kind: ConnectionKind, id: string): Promise<ConnectionRow | undefined> {
      return (await byId(db, id)).find((row) => row.kind === kind)
    },

    /** Locks the row against other changes until the transaction ends; what refers to it may be written meanwhile, as it is all the time. */
    async lock(kind: ConnectionKind, id: string): Promise<ConnectionRow | undefined> {
      return await db
        .selectFrom('connections')
        .select(columns)
        .where('id', '=', id)
        .where('kind', '=', kind)
        .forNoKeyUpdate()
        .executeTakeFirst()
    },

    /** Until the transaction ends nobody writes what refers to it; what was being written is waited for. */
    async holdForRemoval(id: string): Promise<void> {
      await db.selectFrom('connections').select('id').where('id', '=', id).forUpdate().execute()
    },

    /** Whatever its kind. */
    async find(id: string): Promise<ConnectionRow | undefined> {
      return (await byId(db, id))[0]
    },

    async findByName(kind: ConnectionKind, name: string): Promise<ConnectionRow | undefined> {
      return await db
        .selectFrom('connections')
        .select(columns)
        .where('kind', '=', kind)
        .where((where) => where(where.fn('lower', ['name']), '=', name.toLowerCase()))
        .executeTakeFirst()
    },

    async list(kind: ConnectionKind): Promise<ConnectionRow[]> {
      return await db
        .selectFrom('connections')
        .select(columns)
        .where('kind', '=', kind)
        .orderBy('created_at')
        .orderBy('id')
        .execute()
    },

    /** All notifiers; until the transaction ends none of them is deleted. */
    async holdNotifiers(): Promise<Pick<ConnectionRow, 'id' | 'name' | 'type' | 'enabled'>[]> {
      return await db
        .selectFrom('connections')
        .select(['id', 'name', 'type', 'enabled'])
        .where('kind', '=', 'notifier')
        .orderBy('created_at')
        .orderBy('id')
        .forKeyShare()
        .execute()
    },

    async page(filter: ConnectionFilter, request: PageRequest): Promise<Page<ConnectionRow>> {
      const { kind, type, enabled } = filter
      return await readPage(
        db
          .selectFrom('connections')
          .select(columns)
          .where('kind', '=', kind)
          .$if(type !== undefined, (narrowed) =>
            narrowed.where((where) => where(where.fn('lower', ['type']), '=', (type ?? '').toLowerCase())),
          )
          .$if(enabled !== undefined, (narrowed) => narrowed.where('enabled', '=', enabled === true)),
        { columns: ['created_at', 'id'], startOf: (row) => ({ value: row.created_at.toISOString(), id: row.id }) },
        request,
      )
    },

    async update(id: string, changes: Updateable<ConnectionsTable>): Promise<void> {
      await db.updateTable('connections').set(changes).where('id', '=', id).execute()
    },

    /** It said that it takes no new orders until then; what it said before counts where that is later. */
    async pause(id: string, until: Date): Promise<void> {
      await db
        .updateTable('connections')
        .set({ paused_until: sql<Date>`greatest(paused_until, ${until}::timestamptz)` })
        .where('id', '=', id)
        .execute()
    },

    /** Takes enabled issuers of these types whose credentials are to be kept alive now, and puts them off until then; what another copy takes is passed over. */
    async takeForMaintenance({
      types,
      now,
      until,
      limit,
    }: {
      types: readonly string[]
      now: Date
      until: Date
      limit: number
    }): Promise<ConnectionRow[]> {
      const due = db
        .selectFrom('connections')
        .select('id')
        .where('kind', '=', 'issuer')
        .where('enabled', '=', true)
        .where('type', 'in', [...types])
        .where((where) => where.or([where('maintain_at', 'is', null), where('maintain_at', '<=', now)]))
        .orderBy('maintain_at', (order) => order.asc().nullsFirst())
        .limit(limit)
        .forNoKeyUpdate()
        .skipLocked()
      return await db
        .updateTable('connections')
        .set({ maintain_at: until })
        .where('id', 'in', due)
        .returning(columns)
        .execute()
    },

    /** Only while it is configured as it was then: what was changed meanwhile is due at once. Returns whether it is. */
    async settleMaintenance(
      { id, generation }: Pick<ConnectionRow, 'id' | 'generation'>,
      changes: Pick<ConnectionRow, 'maintain_at' | 'maintain_failures'>,
    ): Promise<boolean> {
      const { numUpdatedRows } = await db
        .updateTable('connections')
        .set(changes)
        .where('id', '=', id)
        .where('generation', '=', generation)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async remove(id: string): Promise<void> {
      await db.deleteFrom('connections').where('id', '=', id).execute()
    },

    /** Issuers that prove names with this DNS provider; at most five. */
    async issuersWithDnsProvider(id: string): Promise<string[]> {
      const rows = await db
        .selectFrom('connections')
        .select('id')
        .where('kind', '=', 'issuer')
        .where(sql<boolean>`config ->> 'dns_provider' = ${id}`)
        .orderBy('id')
        .limit(5)
        .execute()
      return rows.map((row) => row.id)
    },

    /** What makes deleting an issuer wrong; each with at most five examples. */
    async referrersOfIssuer(id: string): Promise<Record<'certificates' | 'orders' | 'revocations', string[]>> {
      const certificates = await db
        .selectFrom('certificates')
        .select('id')
        .where('issuer_id', '=', id)
        .orderBy('archived_at', (order) => order.desc().nullsFirst())
        .limit(5)
        .execute()
      const orders = await db
        .selectFrom('orders')
        .select('id')
        .where('issuer_id', '=', id)
        .where('state', '=', 'open')
        .limit(5)
        .execute()
      const revocations = await db
        .selectFrom('revocations')
        .select('id')
        .where('issuer_id', '=', id)
        .where('state', 'in', ['here', 'requested'])
        .limit(5)
        .execute()
      const ids = (rows: { id: string }[]): string[] => rows.map((row) => row.id)
      return { certificates: ids(certificates), orders: ids(orders), revocations: ids(revocations) }
    },
  }
}
