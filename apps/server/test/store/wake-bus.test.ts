import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { Secret } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../../src/store/database.js'
import { createWakeBatch, type WakeBus, type WakeChannel } from '../../src/store/wake.js'
import { createWakeBus } from '../../src/store/wake-bus.js'
import { type TestDatabase, testDatabase } from '../postgres.js'
import { until } from '../races/steps.js'

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
  const say = async (channel: WakeChannel, subject: string) => {
    const batch = createWakeBatch(database.db)
    batch.add(channel, subject)
    await batch.flush()
  }

  it('reach every copy, on their channel only', async () => {
    const other = await createWakeBus({ address: test.address, log })
    const [here, there, elsewhere] = [hear(bus, 'agent'), hear(other, 'agent'), hear(bus, 'work')]
    await say('agent', 'agent-1')
    await until(async () => here.length > 0 && there.length > 0)
    await other.close()
    expect([here, there, elsewhere]).toEqual([['agent-1'], ['agent-1'], []])
  })

  it('are not heard by whoever stopped listening', async () => {
    const heard: string[] = []
    const off = bus.on('event', (subject) => heard.push(subject))
    const witness = hear(bus, 'event')
    off()
    await say('event', 'e-1')
    await until(async () => witness.length > 0)
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

  it('leave no connection behind when listening is refused', async () => {
    const upstream = new URL(test.url)
    const socket = join(upstream.searchParams.get('host') ?? '', '.s.PGSQL.5432')
    const proxy = createServer((inbound) => {
      const outbound =
        upstream.searchParams.get('host') === null
          ? connect(Number(upstream.port || 5432), upstream.hostname)
          : connect(socket)
      for (const end of [inbound, outbound]) end.on('error', () => undefined)
      // The same length, so that the message stays whole.
      inbound.on('data', (chunk) => outbound.write(chunk.toString('latin1').replace('listen ', 'lost!! '), 'latin1'))
      inbound.on('close', () => outbound.destroy())
      outbound.pipe(inbound)
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const url = new URL(test.url)
    url.searchParams.delete('host')
    url.hostname = '127.0.0.1'
    url.port = String((proxy.address() as AddressInfo).port)
    const refused = createWakeBus({ address: { url: new Secret(url.href) }, log })
    await expect(refused).rejects.toThrow('syntax error')
    const open = async () =>
      await new Promise<number>((resolve) => proxy.getConnections((_error, count) => resolve(count)))
    // One that is left behind is never closed.
    await until(async () => (await open()) === 0, 'the connection is closed')
    proxy.close()
  })

  it('wait for nothing once the bus is closed', async () => {
    await bus.close()
    await bus.close()
    await until(async () => {
      const { rows } =
        await sql`select 1 from pg_stat_activity where datname = current_database() and query like 'listen%'`.execute(
          database.db,
        )
      return rows.length === 0
    }, 'nobody listens any more')
  })
})
