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

/** The wake-ups of one transaction. */
export interface WakeBatch {
  add(channel: WakeChannel, subject: string): void
  /** Delivered at the commit, once for equal subjects; not at all after a rollback. */
  flush(): Promise<void>
}

export function createWakeBatch(db: Kysely<Schema>): WakeBatch {
  const added = new Map<string, { channel: string; subject: string }>()
  return {
    add(channel, subject) {
      added.set(`${channel} ${subject}`, { channel: `certctl_${channel}`, subject })
    },
    async flush() {
      if (added.size === 0) return
      const wakes = [...added.values()]
      await sql`select pg_notify(channel, subject)
        from unnest(${wakes.map(({ channel }) => channel)}::text[], ${wakes.map(({ subject }) => subject)}::text[]) as wake (channel, subject)`.execute(
        db,
      )
    },
  }
}
