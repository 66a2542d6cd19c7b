import type { Kysely } from 'kysely'
import type { Schema } from './schema.js'

/** One row per loop. Whichever copy comes first when it is due takes the run; runs that were missed are skipped, not made up for. */
export function scheduleTable(db: Kysely<Schema>) {
  return {
    ensure: async (name: string, firstAt: Date): Promise<void> =>
      void (await db
        .insertInto('schedule')
        .values({ name, next_run_at: firstAt, last_run_at: null })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .execute()),
    /** True for exactly one caller per due run. */
    async take(run: { name: string; now: Date; nextAt: Date }): Promise<boolean> {
      const { numUpdatedRows } = await db
        .updateTable('schedule')
        .set({ next_run_at: run.nextAt, last_run_at: run.now })
        .where('name', '=', run.name)
        .where('next_run_at', '<=', run.now)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    /** Brought forward, never put off: for a loop whose interval was shortened, or that somebody wants to run now. */
    bringForward: async (name: string, to: Date): Promise<void> =>
      void (await db
        .updateTable('schedule')
        .set({ next_run_at: to })
        .where('name', '=', name)
        .where('next_run_at', '>', to)
        .execute()),
    list: async () =>
      await db.selectFrom('schedule').select(['name', 'next_run_at', 'last_run_at']).orderBy('name').execute(),
  }
}
