import type { Insertable, Kysely, Selectable } from 'kysely'
import { type Page, type PageRequest, readPage } from './page.js'
import type { EventsTable, Schema } from './schema.js'

const columns = [
  'id',
  'sequence',
  'type',
  'severity',
  'certificate_id',
  'target_id',
  'agent_id',
  'issuer_id',
  'title',
  'data',
  'alert_key',
  'resolves_event_id',
  'resolved_at',
  'routed_at',
  'at',
] as const

export type EventRow = Selectable<EventsTable>

export interface EventFilter {
  type?: string | undefined
  severity?: EventsTable['severity'] | undefined
  certificateId?: string | undefined
  targetId?: string | undefined
  agentId?: string | undefined
  since?: Date | undefined
  until?: Date | undefined
}

export function eventsTable(db: Kysely<Schema>) {
  return {
    /** Returns whether it was written: an alert that is already open under its key is not written again. */
    async insert(row: Insertable<EventsTable>): Promise<boolean> {
      const outcome = await db
        .insertInto('events')
        .values(row)
        .onConflict((conflict) =>
          conflict.column('alert_key').where('alert_key', 'is not', null).where('resolved_at', 'is', null).doNothing(),
        )
        .executeTakeFirst()
      return (outcome.numInsertedOrUpdatedRows ?? 0n) > 0n
    },

    /** Closes the open alert of this key and returns its id. */
    async resolve(alertKey: string, at: Date): Promise<string | undefined> {
      const row = await db
        .updateTable('events')
        .set({ resolved_at: at })
        .where('alert_key', '=', alertKey)
        .where('resolved_at', 'is', null)
        .returning('id')
        .executeTakeFirst()
      return row?.id
    },

    /** Those of these keys under which an alert is open. */
    async listOpen(alertKeys: readonly string[]): Promise<string[]> {
      const rows = await db
        .selectFrom('events')
        .select('alert_key')
        .where('alert_key', 'in', [...alertKeys])
        .where('resolved_at', 'is', null)
        .execute()
      return rows.flatMap(({ alert_key }) => alert_key ?? [])
    },

    /** Whether an alert of this key is open. */
    async isOpen(alertKey: string): Promise<boolean> {
      const row = await db
        .selectFrom('events')
        .select('id')
        .where('alert_key', '=', alertKey)
        .where('resolved_at', 'is', null)
        .executeTakeFirst()
      return row !== undefined
    },

    /** Agents of open alerts of this type. */
    async listAgentsOfOpenAlerts(type: string): Promise<string[]> {
      const rows = await db
        .selectFrom('events')
        .select('agent_id')
        .where('type', '=', type)
        .where('alert_key', 'is not', null)
        .where('resolved_at', 'is', null)
        .execute()
      return rows.flatMap(({ agent_id }) => agent_id ?? [])
    },

    async get(id: string): Promise<EventRow | undefined> {
      return await db.selectFrom('events').select(columns).where('id', '=', id).executeTakeFirst()
    },

    /** Oldest first; locked until the transaction ends, those that another copy routes are passed over. */
    async lockUnrouted(limit: number): Promise<EventRow[]> {
      return await db
        .selectFrom('events')
        .select(columns)
        .where('routed_at', 'is', null)
        .orderBy('sequence')
        .limit(limit)
        .forUpdate()
        .skipLocked()
        .execute()
    },

    async markRouted(ids: readonly string[], at: Date): Promise<void> {
      if (ids.length === 0) return
      await db
        .updateTable('events')
        .set({ routed_at: at })
        .where('id', 'in', [...ids])
        .execute()
    },

    async page(filter: EventFilter, request: PageRequest): Promise<Page<EventRow>> {
      const { type, severity, certificateId, targetId, agentId, since, until } = filter
      const query = db
        .selectFrom('events')
        .select(columns)
        .$if(type !== undefined, (narrowed) => narrowed.where('type', '=', type ?? ''))
        .$if(severity !== undefined, (narrowed) => narrowed.where('severity', '=', severity ?? 'info'))
        .$if(certificateId !== undefined, (narrowed) => narrowed.where('certificate_id', '=', certificateId ?? ''))
        .$if(targetId !== undefined, (narrowed) => narrowed.where('target_id', '=', targetId ?? ''))
        .$if(agentId !== undefined, (narrowed) => narrowed.where('agent_id', '=', agentId ?? ''))
        .$if(since !== undefined, (narrowed) => narrowed.where('at', '>=', since as Date))
        .$if(until !== undefined, (narrowed) => narrowed.where('at', '<', until as Date))
      return await readPage(
        query,
        {
          columns: ['at', 'id'],
          descending: true,
          startOf: (row) => ({ value: row.at.toISOString(), id: row.id }),
        },
        request,
      )
    },
  }
}
