import type { Insertable, Kysely, Selectable } from 'kysely'
import type { ConnectorTypesTable, Schema } from './schema.js'

const columns = [
  'agent_id',
  'kind',
  'type',
  'aliases',
  'schema',
  'capabilities',
  'package',
  'version',
  'reported_at',
] as const

export type ConnectorTypeRow = Selectable<ConnectorTypesTable>

export function connectorTypesTable(db: Kysely<Schema>) {
  return {
    /** What this agent carries now, instead of what it said before. */
    async replaceAll(agentId: string, rows: readonly Insertable<ConnectorTypesTable>[]): Promise<void> {
      await db.deleteFrom('connector_types').where('agent_id', '=', agentId).execute()
      if (rows.length > 0)
        await db
          .insertInto('connector_types')
          .values([...rows])
          .execute()
    },

    async listOfAgent(agentId: string): Promise<ConnectorTypeRow[]> {
      return await db
        .selectFrom('connector_types')
        .select(columns)
        .where('agent_id', '=', agentId)
        .orderBy('kind')
        .orderBy('type')
        .execute()
    },

    /** Of agents that are not retired. */
    async listLive(): Promise<ConnectorTypeRow[]> {
      return await db
        .selectFrom('connector_types')
        .innerJoin('agents', 'agents.id', 'connector_types.agent_id')
        .select(columns.map((column) => `connector_types.${column}` as const))
        .where('agents.retired_at', 'is', null)
        .orderBy('connector_types.kind')
        .orderBy('connector_types.type')
        .orderBy('connector_types.agent_id')
        .execute()
    },
  }
}
