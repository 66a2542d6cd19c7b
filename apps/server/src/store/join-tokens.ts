import type { Insertable, Kysely } from 'kysely'
import { type Page, type PageRequest, readPage } from './page.js'
import type { JoinTokensTable, Schema } from './schema.js'

const columns = ['id', 'name', 'created_by', 'created_at', 'expires_at', 'agent_id', 'joined_at', 'used_at'] as const

export type JoinTokenRow = Omit<JoinTokensTable, 'token_hash'>

export function joinTokensTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<JoinTokensTable>): Promise<void> {
      await db.insertInto('join_tokens').values(row).execute()
    },

    async get(id: string): Promise<JoinTokenRow | undefined> {
      return await db.selectFrom('join_tokens').select(columns).where('id', '=', id).executeTakeFirst()
    },

    /** Locks the token until the transaction ends, so that of two joins one waits for the other. */
    async lockByHash(hash: Buffer): Promise<JoinTokenRow | undefined> {
      return await db
        .selectFrom('join_tokens')
        .select(columns)
        .where('token_hash', '=', hash)
        .forUpdate()
        .executeTakeFirst()
    },

    async page(request: PageRequest): Promise<Page<JoinTokenRow>> {
      return await readPage(
        db.selectFrom('join_tokens').select(columns),
        { columns: ['created_at', 'id'], startOf: (row) => ({ value: row.created_at.toISOString(), id: row.id }) },
        request,
      )
    },

    async bind(id: string, agentId: string, at: Date): Promise<void> {
      await db.updateTable('join_tokens').set({ agent_id: agentId, joined_at: at }).where('id', '=', id).execute()
    },

    /** The agent that joined with it has shown its key: the token is spent. */
    async markUsed(agentId: string, at: Date): Promise<void> {
      await db
        .updateTable('join_tokens')
        .set({ used_at: at })
        .where('agent_id', '=', agentId)
        .where('used_at', 'is', null)
        .execute()
    },

    /** Used, or expired, before `before`. */
    async purge(before: Date): Promise<void> {
      await db
        .deleteFrom('join_tokens')
        .where((where) => where.or([where('used_at', '<', before), where('expires_at', '<', before)]))
        .execute()
    },

    /** Only one that nobody joined with; returns whether it was there. */
    async remove(id: string): Promise<boolean> {
      const outcome = await db
        .deleteFrom('join_tokens')
        .where('id', '=', id)
        .where('agent_id', 'is', null)
        .executeTakeFirst()
      return outcome.numDeletedRows > 0n
    },
  }
}
