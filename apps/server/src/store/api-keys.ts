import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import { rowsByAsked } from './by-key.js'
import { type Page, type PageRequest, readPage } from './page.js'
import type { ApiKeysTable, Schema } from './schema.js'

const columns = [
  'id',
  'name',
  'role',
  'owner',
  'created_at',
  'expires_at',
  'last_used_at',
  'revoked_at',
  'source',
] as const

/** An API key as everybody but the database sees it: without its hash. */
export type ApiKeyRow = Omit<Selectable<ApiKeysTable>, 'key_hash'>

const byHash = rowsByAsked<ApiKeyRow>(
  (keys) => sql`
    select asked.key, ${sql.join(columns.map((column) => sql.ref(column)))}
    from unnest(${keys}) as asked (key) join api_keys on api_keys.key_hash = decode(asked.key, 'hex')`,
)

export function apiKeysTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<ApiKeysTable>): Promise<void> {
      await db.insertInto('api_keys').values(row).execute()
    },

    async get(id: string): Promise<ApiKeyRow | undefined> {
      return await db.selectFrom('api_keys').select(columns).where('id', '=', id).executeTakeFirst()
    },

    /** Revoked and expired ones too: the caller says why it refuses them. */
    async findByHash(hash: Buffer): Promise<ApiKeyRow | undefined> {
      return (await byHash(db, hash.toString('hex')))[0]
    },

    /** Not revoked, under this name without regard to case. */
    async findLiveByName(name: string): Promise<ApiKeyRow | undefined> {
      return await db
        .selectFrom('api_keys')
        .select(columns)
        .where((where) => where(where.fn('lower', ['name']), '=', name.toLowerCase()))
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
    },

    /** Those not revoked. */
    async page(filter: { role?: ApiKeysTable['role'] | undefined }, request: PageRequest): Promise<Page<ApiKeyRow>> {
      const { role } = filter
      return await readPage(
        db
          .selectFrom('api_keys')
          .select(columns)
          .where('revoked_at', 'is', null)
          .$if(role !== undefined, (narrowed) => narrowed.where('role', '=', role ?? 'viewer')),
        { columns: ['created_at', 'id'], startOf: (row) => ({ value: row.created_at.toISOString(), id: row.id }) },
        request,
      )
    },

    /** Locks those that were not revoked, until the transaction ends. */
    async lockLive(role: ApiKeysTable['role']): Promise<void> {
      const live = db.selectFrom('api_keys').select('id').where('role', '=', role).where('revoked_at', 'is', null)
      await live.orderBy('id').forNoKeyUpdate().execute()
    },

    /** Whether some key of this role is neither revoked nor expired at that moment. */
    async hasLive(role: ApiKeysTable['role'], at: Date): Promise<boolean> {
      const found = await db
        .selectFrom('api_keys')
        .select('id')
        .where('role', '=', role)
        .where('revoked_at', 'is', null)
        .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
        .limit(1)
        .executeTakeFirst()
      return found !== undefined
    },

    /** Keys that somebody answers for, neither revoked nor expired at that moment. */
    async listOwned(at: Date): Promise<{ name: string; owner: string }[]> {
      return await db
        .selectFrom('api_keys')
        .select('name')
        .select((where) => where.ref('owner').$notNull().as('owner'))
        .where('owner', 'is not', null)
        .where('revoked_at', 'is', null)
        .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
        .orderBy('name')
        .execute()
    },

    /** Live keys that the environment of some copy named. */
    listOfEnvironment: async (): Promise<ApiKeyRow[]> =>
      await db
        .selectFrom('api_keys')
        .select(columns)
        .where('source', '=', 'env')
        .where('revoked_at', 'is', null)
        .orderBy('id')
        .execute(),

    /** A key that the environment names otherwise than before, or again. */
    async revive(id: string, changes: Pick<ApiKeyRow, 'name' | 'role' | 'owner'>): Promise<void> {
      await db
        .updateTable('api_keys')
        .set({ ...changes, revoked_at: null })
        .where('id', '=', id)
        .where('source', '=', 'env')
        .execute()
    },

    /** Returns whether it was live until now. */
    async revoke(id: string, at: Date): Promise<boolean> {
      const outcome = await db
        .updateTable('api_keys')
        .set({ revoked_at: at })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      return outcome.numUpdatedRows > 0n
    },

    /** Keys used since the last call, each with its latest moment; never goes back. */
    async markUsed(ids: readonly string[], at: Date): Promise<void> {
      if (ids.length === 0) return
      await db
        .updateTable('api_keys')
        .set({ last_used_at: at })
        .where('id', 'in', [...ids])
        .where((where) => where.or([where('last_used_at', 'is', null), where('last_used_at', '<', at)]))
        .execute()
    },
  }
}
