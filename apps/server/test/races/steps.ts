import pg from 'pg'
import type { Tx } from '../../src/store/store.js'
import { createGate } from '../lifecycle/fake-ca.js'
import type { TestServices } from '../postgres.js'

/** A transaction that has done its first part and waits for the test before it commits. */
export interface HeldTransaction {
  commit(): Promise<void>
}

// A test that fails in between must not leave its locks to those after it. Less than the minute after which the database ends it.
const longestHoldMs = 55_000

/** Does `work` in a transaction and holds it open, with all its locks. */
export async function holdTransaction(
  services: TestServices,
  work: (tx: Tx) => Promise<void>,
): Promise<HeldTransaction> {
  const gate = createGate()
  const timer = setTimeout(() => gate.release(), longestHoldMs)
  const done = services.store.transaction(async (tx) => {
    await work(tx)
    await gate.pass()
  })
  await Promise.race([gate.reached, done])
  return {
    async commit() {
      clearTimeout(timer)
      gate.release()
      await done
    },
  }
}

/** Resolves when so many statements wait for a lock of this database. */
export async function untilBlocked(services: TestServices, count = 1): Promise<void> {
  const client = new pg.Client({ connectionString: services.database.url })
  // A test that waits for something else, too, may be over, and its database gone, while this still looks.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await until(async () => {
      const { rows } = await client.query(
        `select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return rows[0].waiting >= count
    }, `${count} statements wait for a lock`)
  } finally {
    await client.end()
  }
}

/** Whether a promise has not settled by the time everything that is ready has run. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const marker = Symbol('pending')
  const later = new Promise((resolve) => setImmediate(resolve, marker))
  return (await Promise.race([promise.catch(() => undefined), later])) === marker
}

const patienceMs = 120_000

/** Looks until it is so, and at least once after a machine that stood still goes on. */
export async function until(look: () => Promise<boolean>, what = 'it is so'): Promise<void> {
  const giveUpAt = performance.now() + patienceMs
  while (!(await look())) {
    if (performance.now() > giveUpAt) throw new Error(`in vain for ${patienceMs / 1000} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
