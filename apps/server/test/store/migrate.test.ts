import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import pg from 'pg'
import { connectionOf, type Database, openDatabase } from '../../src/store/database.js'
import { migrate } from '../../src/store/migrate.js'
import { migrations as released } from '../../src/store/migrations/index.js'
import { type TestDatabase, testDatabase } from '../postgres.js'
import { until } from '../races/steps.js'

const now = () => new Date('2026-11-25T12:00:00Z')
const one = { name: '0001-one', sql: 'create table one (id text primary key)' }
const two = { name: '0002-two', sql: "create table two (id text); insert into one values ('from two')" }

describe('migrate', () => {
  let test: TestDatabase
  let database: Database

  beforeEach(async () => {
    test = await testDatabase({ empty: true })
    database = openDatabase({ address: test.address, maxConnections: 20 })
  })
  afterEach(async () => {
    await database.close()
    await test.close()
  })

  const run = async (migrations: readonly { name: string; sql: string }[]) =>
    await migrate({ db: database.db, now, migrations })
  const rowsOfOne = async () => (await sql`select id from one`.execute(database.db)).rows

  it('applies each migration once, in order, and says which', async () => {
    expect(await run([one])).toEqual(['0001-one'])
    expect(await run([one, two])).toEqual(['0002-two'])
    expect(await run([one, two])).toEqual([])
    expect(await rowsOfOne()).toEqual([{ id: 'from two' }])
  })

  it('leaves the limits of its connection as they were', async () => {
    const single = openDatabase({ address: test.address, maxConnections: 1 })
    try {
      const limits = async () =>
        (
          await sql`select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement`.execute(
            single.db,
          )
        ).rows
      const before = await limits()
      await migrate({ db: single.db, now, migrations: [one, two] })
      expect(await limits()).toEqual(before)
    } finally {
      await single.close()
    }
  })

  it('does the same when eight copies start at once', async () => {
    const applied = await Promise.all(Array.from({ length: 8 }, async () => await run([one, two])))
    expect(applied.flat().sort()).toEqual(['0001-one', '0002-two'])
    expect(await rowsOfOne()).toHaveLength(1)
  })

  it('leaves a migration that fails undone, and those before it applied', async () => {
    const broken = { name: '0002-broken', sql: 'create table half (id text); select 1 / 0' }
    await expect(run([one, broken])).rejects.toThrow('division by zero')
    const { rows } = await sql<{
      half: string | null
    }>`select to_regclass('half') as half, to_regclass('one') as one`.execute(database.db)
    expect(rows).toEqual([{ half: null, one: 'one' }])
    expect(await run([one, two])).toEqual(['0002-two'])
  })

  it('works on a database that a newer version has shaped, and says so', async () => {
    await run([one, two])
    const newer: string[] = []
    const onNewer = (names: readonly string[]) => void newer.push(...names)
    expect(await migrate({ db: database.db, now, migrations: [one], onNewer })).toEqual([])
    expect(newer).toEqual(['0002-two'])
    newer.length = 0
    expect(await migrate({ db: database.db, now, migrations: [one, two], onNewer })).toEqual([])
    expect(newer).toEqual([])
  })

  it('refuses a database with a migration between its own that it does not know', async () => {
    await run([one, two])
    const ours = { name: '0003-ours', sql: 'create table ours (id text)' }
    await expect(run([one, ours])).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('the migration 0002-two, which this certctl does not know'),
    })
  })

  it('refuses when an applied migration was changed afterwards', async () => {
    await run([one])
    await expect(run([{ ...one, sql: `${one.sql} ` }, two])).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('0001-one is not the one that was applied'),
    })
    expect((await sql<{ two: string | null }>`select to_regclass('two') as two`.execute(database.db)).rows).toEqual([
      { two: null },
    ])
  })

  it('has released migrations whose names are numbered and sorted', () => {
    const names = released.map(({ name }) => name)
    expect(names.every((name) => /^\d{4}-[a-z0-9-]+$/.test(name))).toBe(true)
    expect(names).toEqual([...new Set(names)].sort())
  })

  describe('while copies of before are at work', () => {
    let copy: pg.Client

    beforeEach(async () => {
      await run([one, two])
      copy = new pg.Client(connectionOf(test.address))
      await copy.connect()
    })
    afterEach(async () => await copy.end())

    /** Until the migration has locked a table that copies use, or waits for that. */
    const locks = async (state: 'granted' | 'not granted') =>
      await until(async () => {
        const { rows } = await copy.query(
          `select from pg_locks join pg_database on pg_database.oid = pg_locks.database
           where ${state} and relation = 'two'::regclass and mode = 'AccessExclusiveLock' and datname = current_database()`,
        )
        return rows.length > 0
      }, `the lock of the migration is ${state}`)
    const three = {
      name: '0003-three',
      sql: 'alter table two add column more text; alter table one add column more text',
    }
    const isThere = async () =>
      await sql`select more from one union all select more from two`.execute(database.db).then(({ rows }) => rows)

    it('is tried again when one of them held what it needed and waited for what it held', async () => {
      // Whoever has waited for so long looks for the deadlock once, and ends itself: the migration, which waits last.
      await copy.query("set deadlock_timeout = '1min'")
      const [first = '', second = ''] = three.sql.split('; ')
      const impatient = {
        ...three,
        sql: `set local deadlock_timeout = '100ms'; ${first};
          do $$ declare here oid := (select oid from pg_database where datname = current_database()); begin
            while exists (select from pg_locks where database = here and relation = 'one'::regclass and granted and pid <> pg_backend_pid())
              and not exists (select from pg_locks where database = here and relation = 'two'::regclass and not granted)
            loop perform pg_sleep(0.01); end loop;
          end $$; ${second}`,
      }
      await copy.query('begin; update one set id = id')
      const busy: string[] = []
      const options = { db: database.db, now, migrations: [one, two, impatient], lockSeconds: 9 }
      const migrated = migrate({ ...options, onBusy: (why) => busy.push(why) })
      await locks('granted')
      await copy.query('insert into two values (1); commit')
      expect(await migrated).toEqual(['0003-three'])
      expect(busy).toEqual([expect.stringContaining('deadlock')])
      expect(await isThere()).toEqual([{ more: null }, { more: null }])
    })

    it('lets those pass who wait behind it, where somebody holds a lock for long', async () => {
      await copy.query('begin; select from two')
      const busy: string[] = []
      const options = { db: database.db, now, migrations: [one, two, three], lockSeconds: 0.3 }
      const migrated = migrate({ ...options, onBusy: (why) => busy.push(why) })
      await locks('not granted')
      await sql`insert into two values ('passed')`.execute(database.db)
      await copy.query('commit')
      expect(await migrated).toEqual(['0003-three'])
      expect(busy.length).toBeGreaterThan(0)
      expect(await isThere()).toHaveLength(2)
    })

    it('says how to find who holds it when that never ends', async () => {
      await copy.query('begin; select from two')
      const options = { db: database.db, now, migrations: [one, two, three], lockSeconds: 0.01 }
      await expect(migrate(options)).rejects.toMatchObject({
        code: 'upstream_unavailable',
        message: expect.stringContaining('pg_stat_activity'),
      })
      await copy.query('commit')
      expect(await migrate(options)).toEqual(['0003-three'])
    })

    it('waits for another copy that migrates, and no longer when the server is told to stop', async () => {
      await copy.query('begin; select pg_advisory_xact_lock(4201337)')
      const stop = new AbortController()
      const busy: string[] = []
      const options = { db: database.db, now, migrations: [one, two, three] }
      const stopped = migrate({ ...options, cancelled: stop.signal, onBusy: () => stop.abort() })
      await expect(stopped).rejects.toMatchObject({
        code: 'upstream_unavailable',
        message: expect.stringContaining('Another copy migrates'),
      })
      const migrated = migrate({ ...options, lockSeconds: 0.01, onBusy: (why) => busy.push(why) })
      await until(async () => busy.length > 0, 'it waits')
      await copy.query('commit')
      expect(await migrated).toEqual(['0003-three'])
      expect(busy).toEqual(['Another copy migrates the database: it holds the advisory lock 4201337'])
    })

    it('waits no longer when the server is told to stop', async () => {
      await copy.query('begin; select from two')
      const stop = new AbortController()
      const options = { db: database.db, now, migrations: [one, two, three], lockSeconds: 0.2, cancelled: stop.signal }
      let busy = 0
      const onBusy = () => {
        busy += 1
        stop.abort()
      }
      await expect(migrate({ ...options, onBusy })).rejects.toMatchObject({ code: 'upstream_unavailable' })
      expect(busy).toBe(1)
      await copy.query('commit')
    })
  })
})
