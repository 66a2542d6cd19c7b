import { randomUUID } from 'node:crypto'
import { Secret } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { systemChance } from '../../src/store/chance.js'
import { type Database, openDatabase } from '../../src/store/database.js'
import { createStatementNames, plannedAnew } from '../../src/store/kept-plans.js'
import { createStore, type Store } from '../../src/store/store.js'
import { type TestDatabase, testDatabase } from '../postgres.js'

/** The third time is the first that counts. */
const thrice = (nameOf: (statement: string) => string | undefined, statement: string) =>
  [1, 2, 3].map(() => nameOf(statement))

describe('the plan of a statement', () => {
  it('is kept under one name from the third time on, another one for every text', () => {
    const nameOf = createStatementNames()
    const [first, second, third] = thrice(nameOf, 'select $1')
    expect([first, second]).toEqual([undefined, undefined])
    expect(third).toMatch(/^[0-9a-f]{32}$/)
    expect(nameOf('select $1')).toBe(third)
    expect(thrice(nameOf, 'select $1, $2')[2]).not.toBe(third)
  })

  it('has the same name on every connection and in every copy', () => {
    expect(thrice(createStatementNames(), 'select $1')).toEqual(thrice(createStatementNames(), 'select $1'))
  })

  it('is never kept where the values decide which plan is good', () => {
    const nameOf = createStatementNames()
    const statement = `${plannedAnew}select $1`
    expect([...thrice(nameOf, statement), nameOf(statement)]).toEqual([undefined, undefined, undefined, undefined])
  })

  it('is kept of so many only: what came first keeps its own, and lists of ever new lengths take no more', () => {
    const nameOf = createStatementNames()
    const texts = Array.from({ length: 1000 }, (_, index) => `select ${index}, $1`)
    const named = texts.map((text) => thrice(nameOf, text)[2]).filter((name) => name !== undefined)
    expect(new Set(named).size).toBe(400)
    expect(nameOf(texts[0] ?? '')).toBe(named[0])
    expect(nameOf(texts.at(-1) ?? '')).toBeUndefined()
  })
})

/** What PostgreSQL does for a statement that is kept on the one connection of this database, whatever its values are. */
async function keptPlan(database: Database, text: string): Promise<string> {
  return await database.db.connection().execute(async (one) => {
    const { rows } = await sql<{ name: string; parameters: number }>`
      select name, cardinality(parameter_types) as parameters from pg_prepared_statements
      where statement like ${text}`.execute(one)
    const [kept] = rows
    if (kept === undefined) throw new Error('what the store asks is not kept')
    const unknown = Array.from({ length: kept.parameters }, () => 'null').join(', ')
    await sql.raw('set plan_cache_mode = force_generic_plan').execute(one)
    const explained = await sql<{
      'QUERY PLAN': string
    }>`explain execute ${sql.ref(kept.name)}(${sql.raw(unknown)})`.execute(one)
    await sql.raw('reset plan_cache_mode').execute(one)
    return explained.rows.map((row) => row['QUERY PLAN']).join('\n')
  })
}

describe('what is asked all the time', () => {
  let test: TestDatabase
  let database: Database
  let store: Store
  beforeAll(async () => {
    test = await testDatabase()
    database = openDatabase({ address: test.address, maxConnections: 1 })
    store = createStore({ db: database.db, clock: { now: () => new Date() }, chance: systemChance })
    await sql`insert into agents (id, name, key_hash, registered_at)
      select 'a' || n, 'a' || n, sha256(n::text::bytea), now() from generate_series(0, 49) as n`.execute(database.db)
    await sql`insert into jobs (id, kind, state, agent_id, run_at, requested_by, created_at)
      select n::text, 'verify', case when n % 97 = 0 then 'ready' else 'done' end, 'a' || n % 50, now() + (n - 400) * interval '1 minute', 'test', now()
      from generate_series(1, 5000) as n`.execute(database.db)
    await sql`analyze`.execute(database.db)
  })
  afterAll(async () => {
    await database.close()
    await test.close()
  })

  const questions: Record<string, () => Promise<unknown>> = {
    'rows by a key': async () => await store.agents.get(randomUUID()),
    'rows under a lock': async () => await store.transaction(async (tx) => await tx.jobs.lock(randomUUID())),
    'work for a server': async () =>
      await store.jobs.claimForServer({ kinds: ['scan'], server: 's', now: new Date(), until: new Date(), limit: 4 }),
    'work for an agent': async () => await store.jobs.listOffered('a7', { now: new Date(), holding: [randomUUID()] }),
    'when an agent has work': async () => await store.jobs.nextRunOfAgent('a7', new Date()),
  }

  it.each(Object.keys(questions))('is planned a few times and then no more: %s', async (name) => {
    await database.close()
    database = openDatabase({ address: test.address, maxConnections: 1 })
    store = createStore({ db: database.db, clock: { now: () => new Date() }, chance: systemChance })
    for (let times = 0; times < 20; times += 1) await questions[name]?.()
    const { rows } = await sql<{ kept: string; anew: string }>`
      select generic_plans as kept, custom_plans as anew from pg_prepared_statements`.execute(database.db)
    expect(rows.length).toBeGreaterThan(0)
    for (const { kept, anew } of rows) {
      // PostgreSQL itself tries five times what a plan of its own would be worth.
      expect(Number(anew)).toBeLessThanOrEqual(5)
      expect(Number(kept)).toBeGreaterThanOrEqual(10)
    }
  })

  it.each([
    ['when an agent has work', 'select min("run_at")%'],
    ['work for an agent', 'select % from "jobs" where "agent_id" = % limit %'],
  ])('finds the few that are open by their index: %s', async (name, text) => {
    for (let times = 0; times < 4; times += 1) await questions[name]?.()
    const plan = await keptPlan(database, text)
    expect(plan).toMatch(/Index (?:Only )?Scan using jobs_agent|Bitmap Index Scan on jobs_agent/)
  })
})

describe('work for a server', () => {
  it('comes most urgent first, however PostgreSQL finds it', async () => {
    const test = await testDatabase()
    const url = new URL(test.url)
    url.searchParams.set('options', '-c enable_nestloop=off -c enable_mergejoin=off')
    const database = openDatabase({ address: { url: new Secret(url.href) }, maxConnections: 1 })
    const store = createStore({ db: database.db, clock: { now: () => new Date() } })
    await sql`insert into jobs (id, kind, state, priority, run_at, requested_by, created_at)
      select n::text, 'scan', 'ready', n % 2, now() - (n * 17 % 40) * interval '1 minute', 'test', now()
      from generate_series(1, 40) as n`.execute(database.db)
    // Theirs is finer than a millisecond.
    const now = new Date(Date.now() + 1000)
    const claimed = await store.jobs.claimForServer({ kinds: ['scan'], server: 's', now, until: now, limit: 40 })
    const places = claimed.map(({ priority, run_at }) => [priority, run_at.getTime()] as const)
    expect(places).toHaveLength(40)
    expect(places).toEqual(places.toSorted(([a, at], [b, bt]) => a - b || at - bt))
    await database.close()
    await test.close()
  })

  it('is read in the order of an index, and no further than it is claimed, however much is due', async () => {
    const test = await testDatabase()
    const database = openDatabase({ address: test.address, maxConnections: 1 })
    const store = createStore({ db: database.db, clock: { now: () => new Date() } })
    await sql`insert into jobs (id, kind, state, run_at, requested_by, created_at)
      select n::text, 'scan', 'ready', now() - n * interval '1 second', 'test', now()
      from generate_series(1, 5000) as n`.execute(database.db)
    await sql`analyze jobs`.execute(database.db)
    const now = new Date()
    for (let times = 0; times < 4; times += 1)
      await store.jobs.claimForServer({ kinds: ['scan'], server: 's', now, until: now, limit: 4 })
    const plan = await keptPlan(database, 'with "due" as %')
    expect(plan).toMatch(/LockRows[^\n]*\n *-> +Index Scan using jobs_ready/)
    await database.close()
    await test.close()
  })
})
