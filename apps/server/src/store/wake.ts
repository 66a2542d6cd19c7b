import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.js'

export const wakeChannels = ['agent', 'work', 'settings', 'event', 'challenge'] as const
export type WakeChannel = (typeof wakeChannels)[number]

/** What other copies (and this one) say after their commits. A wake-up may be lost: whoever waits also looks by itself now and then. */
export interface WakeBus {
  /** Calls `listener` with the subject of each wake-up until the returned function is called. */
  on(channel: WakeChannel, listener: (subject: string) => void): () => void
  /** Tells the listeners of this copy at once what the others are told by the database: for what must hold when the answer goes out. */
  tellHere(channel: WakeChannel, subject: string): void
  close(): Promise<void>
}

/** Delivered at the commit of the surrounding transaction, once for equal subjects; not at all after a rollback. */
export async function notify(db: Kysely<Schema>, channel: WakeChannel, subject: string): Promise<void> {
  await sql`select pg_notify(${`certctl_${channel}`}, ${subject})`.execute(db)
}
