import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { type Page, type PageRequest, readPage } from './page.js'
import type { NotificationsTable, Schema } from './schema.js'

const columns = [
  'id',
  'event_id',
  'connection_id',
  'state',
  'resolves',
  'attempts',
  'next_try_at',
  'last_error_code',
  'last_error',
  'reference',
  'sent_at',
  'created_at',
] as const

export type NotificationRow = Selectable<NotificationsTable>

export function notificationsTable(db: Kysely<Schema>) {
  return {
    /** One per event and notifier, however often the event is routed. */
    async insertMany(rows: readonly Insertable<NotificationsTable>[]): Promise<void> {
      if (rows.length === 0) return
      await db
        .insertInto('notifications')
        .values([...rows])
        .onConflict((conflict) => conflict.columns(['event_id', 'connection_id']).doNothing())
        .execute()
    },

    async get(id: string): Promise<NotificationRow | undefined> {
      return await db.selectFrom('notifications').select(columns).where('id', '=', id).executeTakeFirst()
    },

    async listOfEvent(eventId: string): Promise<NotificationRow[]> {
      return await db
        .selectFrom('notifications')
        .select(columns)
        .where('event_id', '=', eventId)
        .orderBy('connection_id')
        .execute()
    },

    /** Takes what is due. A claim counts as an attempt and puts the next try at `until`, so that a sender that dies loses nothing. */
    async claimDue(claim: { at: Date; until: Date; limit: number }): Promise<NotificationRow[]> {
      const due = db
        .selectFrom('notifications')
        .select('id')
        .where('state', 'in', ['pending', 'failed'])
        .where('next_try_at', '<=', claim.at)
        .orderBy('next_try_at')
        .orderBy('id')
        .limit(claim.limit)
        .forUpdate()
        .skipLocked()
      return await db
        .updateTable('notifications')
        .set({ attempts: sql`attempts + 1`, next_try_at: claim.until })
        .where('id', 'in', due)
        .returning(columns)
        .execute()
    },

    /** Applies only while the row is as the claim left it; a slower sender of the same row changes nothing. */
    async settle(claimed: Pick<NotificationRow, 'id' | 'attempts'>, changes: Updateable<NotificationsTable>) {
      const outcome = await db
        .updateTable('notifications')
        .set(changes)
        .where('id', '=', claimed.id)
        .where('attempts', '=', claimed.attempts)
        .where('state', 'in', ['pending', 'failed'])
        .executeTakeFirst()
      return outcome.numUpdatedRows > 0n
    },

    /** When the next one is due. */
    async nextDue(): Promise<Date | undefined> {
      const row = await db
        .selectFrom('notifications')
        .select('next_try_at')
        .where('state', 'in', ['pending', 'failed'])
        .where('next_try_at', 'is not', null)
        .orderBy('next_try_at')
        .limit(1)
        .executeTakeFirst()
      return row?.next_try_at ?? undefined
    },

    async page(filter: { eventId?: string | undefined }, request: PageRequest): Promise<Page<NotificationRow>> {
      const { eventId } = filter
      return await readPage(
        db
          .selectFrom('notifications')
          .select(columns)
          .$if(eventId !== undefined, (narrowed) => narrowed.where('event_id', '=', eventId ?? '')),
        {
          columns: ['created_at', 'id'],
          descending: true,
          startOf: (row) => ({ value: row.created_at.toISOString(), id: row.id }),
        },
        request,
      )
    },

    /** What was not delivered of an event will not be any more. */
    async closeOfEvent(eventId: string, reason: string): Promise<void> {
      await db
        .updateTable('notifications')
        .set({ state: 'dead', next_try_at: null, last_error: reason })
        .where('event_id', '=', eventId)
        .where('state', 'in', ['pending', 'failed'])
        .execute()
    },

    /** What a notifier that is deleted did not send will not be sent, and says so. */
    async closeOfConnection(connectionId: string): Promise<void> {
      await db
        .updateTable('notifications')
        .set({ state: 'dead', next_try_at: null, last_error_code: 'gone', last_error: 'The notifier was deleted' })
        .where('connection_id', '=', connectionId)
        .where('state', 'in', ['pending', 'failed'])
        .execute()
    },

    /** For Prometheus. */
    async countDead(): Promise<number> {
      const row = await db
        .selectFrom('notifications')
        .select(({ fn }) => fn.countAll<string>().as('count'))
        .where('state', '=', 'dead')
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },
  }
}
