import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import { rowsByKey } from './by-key.js'
import { type Page, type PageRequest, readPage } from './page.js'
import { insertInto } from './row-writes.js'
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

const insert = insertInto('events', {
  json: ['data'],
  unless: '("alert_key") where "alert_key" is not null and "resolved_at" is null',
})
const openByKey = rowsByKey('alert_key', (build, isOfKey) =>
  build.selectFrom('events').select('alert_key').where(isOfKey).where('resolved_at', 'is', null),
)

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
      return await insert(db, row)
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
      const rows = await openByKey(db, ...alertKeys)
      return rows.flatMap(({ alert_key }) => alert_key ?? [])
    },

    /** Whether an alert of this key is open, of another type than `besides`. */
    async isOpen(alertKey: string, { besides }: { besides?: string } = {}): Promise<boolean> {
      const row = await db
        .selectFrom('events')
        .select('id')
        .where('alert_key', '=', alertKey)
        .where('resolved_at', 'is', null)
        .$if(besides !== undefined, (others) => others.where('type', '<>', besides ?? ''))
        .executeTakeFirst()
      return row !== undefined
    },

    /** Open alerts of this type. */
    async listOpenOfType(type: string): Promise<{ alert_key: string; agent_id: string | null; at: Date }[]> {
      return await db
        .selectFrom('events')
        .select(['alert_key', 'agent_id', 'at'])
        .where('type', '=', type)
        .where('alert_key', 'is not', null)
        .where('resolved_at', 'is', null)
        .$narrowType<{ alert_key: string }>()
        .execute()
    },

    /** Open alerts about violations of this rule. */
    async listOpenOfRule(ruleId: string): Promise<{ alert_key: string; certificate_id: string | null }[]> {
      const rows = await db
        .selectFrom('events')
        .select(['alert_key', 'certificate_id'])
        .where('type', '=', 'policy.violated')
        .where('alert_key', 'is not', null)
        .where('resolved_at', 'is', null)
        .where(sql<boolean>`data ->> 'rule_id' = ${ruleId}`)
        .orderBy('alert_key')
        .execute()
      return rows.flatMap(({ alert_key, certificate_id }) =>
        alert_key === null ? [] : [{ alert_key, certificate_id }],
      )
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

    /** Of before, with what was told of them; open alerts, and what somebody is still to be told of, stay. Returns how many went. */
    async purge(before: Date, limit: number): Promise<number> {
      const { rows } = await sql<{ gone: number }>`
        with old as (
          select id from events
          where at < ${before} and routed_at is not null and (alert_key is null or resolved_at < ${before})
            and not exists (select 1 from notifications where notifications.event_id = events.id and state in ('pending', 'failed'))
            and not exists (select 1 from events as later where later.resolves_event_id = events.id and later.at >= ${before})
          order by at limit ${limit} for update skip locked
        ), told as (delete from notifications using old where notifications.event_id = old.id),
        freed as (update events set resolves_event_id = null from old where events.resolves_event_id = old.id
          and not exists (select 1 from old as same where same.id = events.id)),
        gone as (delete from events using old where events.id = old.id returning 1)
        select count(*)::int as gone from gone`.execute(db)
      return rows[0]?.gone ?? 0
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
