import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type CompiledQuery, type DatabaseConnection, type Kysely, sql } from 'kysely'
import { type Database, openDatabase } from '../../../src/store/database.js'
import type { Schema } from '../../../src/store/schema.js'
import { tablesOn } from '../../../src/store/tables.js'
import { inTransaction } from '../../../src/store/transactions/in-transaction.js'
import { pipelinedOn } from '../../../src/store/transactions/pipelined.js'
import { type TestDatabase, testDatabase } from '../../postgres.js'

const mode = 'isolation level read committed'

describe('statements that are asked at once', () => {
  let test: TestDatabase
  let database: Database
  beforeAll(async () => {
    test = await testDatabase()
    database = openDatabase({ address: test.address, maxConnections: 3 })
  })
  afterAll(async () => {
    await database.close()
    await test.close()
  })
  const ensure = async (db: Kysely<Schema>, name: string) => await tablesOn(db).schedule.ensure(name, new Date(0))
  const names = async () => (await tablesOn(database.db).schedule.list()).map(({ name }) => name)

  it('are sent in the order they were asked, whatever asks them: locks are taken in it', async () => {
    const sent: string[] = []
    const connection: DatabaseConnection = {
      executeQuery: async ({ sql: text }: CompiledQuery) => {
        sent.push((/ from "(\w+)/.exec(text) ?? /(pg_\w+_lock)/.exec(text))?.[1] ?? text)
        return { rows: [] }
      },
      async *streamQuery() {
        yield { rows: [] }
      },
    }
    const tables = tablesOn(pipelinedOn(connection).db)
    await Promise.all([
      tables.blockedKeys.lock('key'),
      tables.certificates.lock('c'),
      tables.holders.lock('h'),
      tables.orders.lock('o'),
      tables.orders.lockOpenOfHolder('h'),
      tables.targets.lock('t'),
      tables.placements.lock('p'),
      tables.jobs.lock('j'),
      tables.jobs.lockOpenIssueOfHolder('h'),
    ])
    expect(sent).toEqual([
      'pg_advisory_xact_lock',
      ...['certificates', 'holders', 'orders', 'orders', 'targets', 'placements', 'jobs', 'jobs'],
    ])
  })

  it('end together with their transaction, and the first fault is the one that is told', async () => {
    const failed = inTransaction(database.db, mode, async ({ db }) => {
      await Promise.all([
        ensure(db, 'beside a fault'),
        sql`select 1 / 0`.execute(db),
        sql`select no_such_column`.execute(db),
        ensure(db, 'after a fault'),
      ])
    })
    await expect(failed).rejects.toMatchObject({ message: 'division by zero' })
    expect(await names()).not.toContain('beside a fault')
  })

  it('are refused once the transaction has ended, instead of being done outside of it', async () => {
    let goesOn: () => void = () => undefined
    const paused = new Promise<void>((resolve) => {
      goesOn = resolve
    })
    let late: Promise<unknown> = Promise.resolve()
    const failed = inTransaction(database.db, mode, async ({ db }) => {
      late = paused.then(async () => await ensure(db, 'too late'))
      late.catch(() => undefined)
      await sql`select 1 / 0`.execute(db)
    })
    await expect(failed).rejects.toMatchObject({ message: 'division by zero' })
    goesOn()
    await expect(late).rejects.toMatchObject({ code: 'internal' })
    expect(await names()).not.toContain('too late')
  })

  it('leave a connection that the next transaction can use, with the plans of before', async () => {
    for (let round = 0; round < 5; round++) {
      const ensured = Array.from({ length: 20 }, (_, index) => `round ${round} name ${index}`)
      await inTransaction(database.db, mode, async ({ db }) => {
        await Promise.all(ensured.map(async (name) => await ensure(db, name)))
      })
      expect(await names()).toEqual(expect.arrayContaining(ensured))
      await expect(
        inTransaction(database.db, mode, async ({ db }) => {
          await Promise.all([ensure(db, `lost ${round}`), sql`select 1 / 0`.execute(db), ensure(db, 'lost too')])
        }),
      ).rejects.toMatchObject({ message: 'division by zero' })
    }
    expect((await names()).filter((name) => name.startsWith('lost'))).toEqual([])
  })
})
