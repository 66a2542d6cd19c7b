import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../../src/store/database.js'
import { notify, type WakeBus, type WakeChannel } from '../../src/store/wake.js'
import { createWakeBus } from '../../src/store/wake-bus.js'
import { type TestDatabase, testDatabase } from '../postgres.js'

const log = { warn: () => undefined }

describe('wake-ups', () => {
  let test: TestDatabase
  let database: Database
  let bus: WakeBus

  beforeEach(async () => {
    test = await testDatabase()
    database = openDatabase({ address: test.address, maxConnections: 4 })
    bus = await createWakeBus({ address: test.address, log })
  })
  afterEach(async () => {
    await bus.close()
    await database.close()
    await test.close()
  })

  const hear = (from: WakeBus, channel: WakeChannel): string[] => {
    const heard: string[] = []
    from.on(channel, (subject) => heard.push(subject))
    return heard
  }
  const say = async (channel: WakeChannel, subject: string) => await notify(database.db, channel, subject)

  it('reach every copy, on their channel only', async () => {
    const other = await createWakeBus({ address: test.address, log })
    const [here, there, elsewhere] = [hear(bus, 'agent'), hear(other, 'agent'), hear(bus, 'work')]
    await say('agent', 'agent-1')
    await until(() => here.length > 0 && there.length > 0)
    await other.close()
    expect([here, there, elsewhere]).toEqual([['agent-1'], ['agent-1'], []])
  })

  it('are not heard by whoever stopped listening', async () => {
    const heard: string[] = []
    const off = bus.on('event', (subject) => heard.push(subject))
    const witness = hear(bus, 'event')
    off()
    await say('event', 'e-1')
    await until(() => witness.length > 0)
    expect(heard).toEqual([])
  })

  it('are heard again after the listening connection was lost', async () => {
    const heard = hear(bus, 'settings')
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen%'`.execute(
      database.db,
    )
    await until(async () => {
      await say('settings', 'again')
      return heard.length > 0
    })
    expect(heard[0]).toBe('again')
  })

  it('wait for nothing once the bus is closed', async () => {
    await bus.close()
    await bus.close()
    const { rows } =
      await sql`select 1 from pg_stat_activity where datname = current_database() and query like 'listen%'`.execute(
        database.db,
      )
    expect(rows).toEqual([])
  })
})

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turns = 0; !(await condition()); turns++) {
    if (turns > 1000) throw new Error('it never came true')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
