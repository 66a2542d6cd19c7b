import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { rowsByKey } from './by-key.js'
import { type Page, type PageRequest, readPage } from './page.js'
import type { Schema, TargetsTable } from './schema.js'

const columns = [
  'id',
  'name',
  'type',
  'agent_id',
  'config',
  'secrets',
  'enabled',
  'generation',
  'last_tested_at',
  'test_status',
  'test_message',
  'created_at',
  'updated_at',
  'retired_at',
  'retired_reason',
  'windows',
] as const

export type TargetRow = Selectable<TargetsTable>

const byId = rowsByKey('id', (build, isIt) => build.selectFrom('targets').select(columns).where(isIt))

export interface TargetFilter {
  agentId?: string | undefined
  type?: string | undefined
  enabled?: boolean | undefined
}

export function targetsTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<TargetsTable>): Promise<void> {
      await db.insertInto('targets').values(row).execute()
    },

    /** Retired ones too. */
    async get(id: string): Promise<TargetRow | undefined> {
      return (await byId(db, id))[0]
    },

    /** Locks the row until the transaction ends. */
    async lock(id: string): Promise<TargetRow | undefined> {
      return await db.selectFrom('targets').select(columns).where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
    },

    async getMany(ids: readonly string[]): Promise<TargetRow[]> {
      return ids.length === 0 ? [] : await byId(db, ...ids)
    },

    async findLiveByName(agentId: string, name: string): Promise<TargetRow | undefined> {
      return await db
        .selectFrom('targets')
        .select(columns)
        .where('agent_id', '=', agentId)
        .where((where) => where(where.fn('lower', ['name']), '=', name.toLowerCase()))
        .where('retired_at', 'is', null)
        .executeTakeFirst()
    },

    /** Of those that have some. */
    async listWindows(): Promise<Pick<TargetRow, 'id' | 'windows'>[]> {
      return await db
        .selectFrom('targets')
        .select(['id', 'windows'])
        .where('retired_at', 'is', null)
        .where(sql<boolean>`windows <> '[]'`)
        .execute()
    },

    async listOfAgent(agentId: string): Promise<TargetRow[]> {
      return await db
        .selectFrom('targets')
        .select(columns)
        .where('agent_id', '=', agentId)
        .where('retired_at', 'is', null)
        .orderBy('id')
        .execute()
    },

    async page(filter: TargetFilter, request: PageRequest): Promise<Page<TargetRow>> {
      const { agentId, type, enabled } = filter
      const query = db
        .selectFrom('targets')
        .select(columns)
        .where('retired_at', 'is', null)
        .$if(agentId !== undefined, (narrowed) => narrowed.where('agent_id', '=', agentId ?? ''))
        .$if(type !== undefined, (narrowed) =>
          narrowed.where((where) => where(where.fn('lower', ['type']), '=', (type ?? '').toLowerCase())),
        )
        .$if(enabled !== undefined, (narrowed) => narrowed.where('enabled', '=', enabled === true))
      return await readPage(
        query,
        { columns: ['created_at', 'id'], startOf: (row) => ({ value: row.created_at.toISOString(), id: row.id }) },
        request,
      )
    },

    async update(id: string, changes: Updateable<TargetsTable>): Promise<void> {
      await db.updateTable('targets').set(changes).where('id', '=', id).execute()
    },
  }
}
