import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
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
  'channel',
] as const

export type NotificationRow = Selectable<NotificationsTable>
/** One that a notifier is to send. */
export type DueNotification = NotificationRow & { connection_id: string }

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

    async listOfEvent(eventId: string): Promise<NotificationRow[]> {
      return await db
        .selectFrom('notifications')
        .select(columns)
        .where('event_id', '=', eventId)
        .orderBy('connection_id')
        .execute()
    },

    /** Takes one that is due, of a notifier that is not in `except`. A claim counts as an attempt and puts the next try at `until`, so that a sender that dies loses nothing. */
    async claimDue({
      at,
      until,
      except = [],
    }: {
      at: Date
      until: Date
      except?: readonly string[]
    }): Promise<DueNotification | undefined> {
      const due = db
        .selectFrom('notifications')
        .select('id')
        .where('state', 'in', ['pending', 'failed'])
        .where('connection_id', 'is not', null)
        .where('next_try_at', '<=', at)
        .$if(except.length > 0, (each) => each.where('connection_id', 'not in', except))
        .orderBy('next_try_at')
        .orderBy('id')
        .limit(1)
        .forUpdate()
        .skipLocked()
      return await db
        .updateTable('notifications')
        .set({ attempts: sql`attempts + 1`, next_try_at: until })
        .where('id', '=', due)
        .returning(columns)
        .$narrowType<{ connection_id: string }>()
        .executeTakeFirst()
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

    /** What was not delivered of an event will not be any more. */
    async closeOfEvent(eventId: string, reason: string): Promise<void> {
      await db
        .updateTable('notifications')
        .set({ state: 'dead', next_try_at: null, last_error: reason })
        .where('event_id', '=', eventId)
        .where('state', 'in', ['pending', 'failed'])
        .execute()
    },

    /** Parts them from a notifier that is deleted: what was told stays known, and what it did not send will not be sent, and says so. The notifier is held before (`holdForRemoval`). */
    async partFromConnection(connectionId: string): Promise<void> {
      const rows = db.updateTable('notifications').where('connection_id', '=', connectionId)
      await rows
        .set({ state: 'dead', next_try_at: null, last_error_code: 'gone', last_error: 'The notifier was deleted' })
        .where('state', 'in', ['pending', 'failed'])
        .execute()
      await rows.set({ connection_id: null, channel: connectionId }).execute()
    },
  }
}
