import pg from 'pg'
import type { Tx } from '../../src/store/store.js'
import { createGate } from '../lifecycle/fake-ca.js'
import type { TestServices } from '../postgres.js'

/** A transaction that has done its first part and waits for the test before it commits. */
export interface HeldTransaction {
  commit(): Promise<void>
}

// A test that fails in between must not leave its locks to those after it.
const longestHoldMs = 30_000

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
  await client.connect()
  try {
    for (let look = 0; look < 600; look += 1) {
      const { rows } = await client.query(
        `select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      if (rows[0].waiting >= count) return
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  } finally {
    await client.end()
  }
  throw new Error(`nothing waited for a lock within 15 s; ${count} expected`)
}

/** A promise that must not have settled yet when the test looks. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const marker = Symbol('pending')
  const winner = await Promise.race([promise.catch(() => undefined), Promise.resolve(marker)])
  return winner === marker
}

/** Looks until it is so; fails after ten seconds. */
export async function until(look: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 400; turn += 1) {
    if (await look()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('it did not come within 10 s')
}
