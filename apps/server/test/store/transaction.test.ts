import { CertctlError, Secret } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import type { AuditEntry } from '../../src/store/audit-entry.js'
import { type Database, openDatabase } from '../../src/store/database.js'
import { createStore } from '../../src/store/store.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { until } from '../races/steps.js'

function entry(resource_id: string, action = 'thing.made'): AuditEntry {
  return { actor: { type: 'System', id: 'system', name: 'system' }, action, resource_type: 'thing', resource_id }
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => {
      throw new Error('it resolved')
    },
    (error: unknown) => error,
  )
}

describe('a transaction', () => {
  let services: TestServices
  let database: Database

  beforeAll(async () => {
    services = await createTestServices()
    database = openDatabase({ address: services.database.address, maxConnections: 40 })
  })
  afterAll(async () => {
    await database.close()
    await services.close()
  })

  it('writes its entries when it commits, in the order they were appended', async () => {
    await services.store.transaction(async (tx) => {
      tx.audit.append(entry('ordered', 'first.done'))
      tx.audit.append(entry('ordered', 'second.done'))
    })
    const found = await services.store.auditEvents.list({ resource_id: 'ordered' }, { limit: 5 })
    const [first] = found
    const rows = await services.store.auditEvents.ofBatches(await placeOf(services, first?.id ?? ''))
    expect(rows.map(({ action, leaf }) => [leaf, action])).toEqual([
      [0, 'first.done'],
      [1, 'second.done'],
    ])
  })

  it('leaves nothing behind when the work fails: no row, no entry, no wake-up', async () => {
    const heard: string[] = []
    const off = services.wakes.on('work', (subject) => heard.push(subject))
    const failed = services.store.transaction(async (tx) => {
      await tx.schedule.ensure('rolled back', tx.now)
      tx.audit.append(entry('rolled back'))
      tx.wake('work', 'rolled back')
      throw new CertctlError('conflict', 'no')
    })
    expect(await rejection(failed)).toMatchObject({ code: 'conflict' })
    await services.store.transaction(async (tx) => tx.wake('work', 'committed'))
    await until(async () => heard.includes('committed'))
    off()
    expect(heard).toEqual(['committed'])
    expect((await services.store.schedule.list()).map(({ name }) => name)).not.toContain('rolled back')
    expect(await services.store.auditEvents.list({ resource_id: 'rolled back' }, { limit: 1 })).toEqual([])
  })

  it('has one time from start to end, and its entries carry it', async () => {
    const times = await services.store.transaction(async (tx) => {
      const before = tx.now
      services.clock.advance(60)
      tx.audit.append(entry('one time'))
      return [before, tx.now]
    })
    const [found] = await services.store.auditEvents.list({ resource_id: 'one time' }, { limit: 1 })
    expect(times[1]).toEqual(times[0])
    expect(found?.at).toEqual(times[0])
  })

  it('is refused when one of its statements failed and the error was passed over', async () => {
    const swallowed = services.store.transaction(async (tx) => {
      await tx.schedule.ensure('swallowed', tx.now)
      await tx.schedule.take({ name: 'x', now: 'no time' as never, nextAt: tx.now }).catch(() => undefined)
    })
    expect(await rejection(swallowed)).toMatchObject({
      code: 'internal',
      message: expect.stringContaining('nothing was written'),
    })
    expect((await services.store.schedule.list()).map(({ name }) => name)).not.toContain('swallowed')
  })

  it('that loses its connection while it commits is unavailable, never done', async () => {
    const store = createStore({ db: database.db, clock: services.clock })
    const cut = store.transaction(async (tx) => {
      await tx.schedule.ensure('cut off', tx.now)
      const { rows } = await sql<{
        pid: number
      }>`select pid from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`.execute(
        database.db,
      )
      for (const { pid } of rows) await sql`select pg_terminate_backend(${pid})`.execute(database.db)
    })
    expect(await rejection(cut)).toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining('whether the change was kept is not known'),
    })
    await store.schedule.ensure('after the cut', services.clock.now())
    expect((await store.schedule.list()).map(({ name }) => name)).toContain('after the cut')
  })

  it('is run again after a deadlock, and both sides get through', async () => {
    await services.store.schedule.ensure('lock one', services.clock.now())
    await services.store.schedule.ensure('lock two', services.clock.now())
    const store = createStore({ db: database.db, clock: services.clock })
    const now = services.clock.now()
    let arrived = 0
    let runs = 0
    const crosswise = async (first: string, second: string) =>
      await store.transaction(async (tx) => {
        runs += 1
        await tx.schedule.take({ name: first, now, nextAt: now })
        arrived += 1
        await until(async () => arrived >= 2)
        await tx.schedule.take({ name: second, now, nextAt: now })
        tx.audit.append(entry('deadlock'))
      })
    await Promise.all([crosswise('lock one', 'lock two'), crosswise('lock two', 'lock one')])
    expect(runs).toBeGreaterThan(2)
    expect(await store.auditEvents.count({ resource_id: 'deadlock' }, 10)).toBe(2)
  })

  it('gives up after five times in the way of others', async () => {
    let runs = 0
    const failing = services.store.transaction(async () => {
      runs += 1
      throw Object.assign(new Error('could not serialize'), { code: '40001' })
    })
    expect(await rejection(failing)).toMatchObject({ code: '40001' })
    expect(runs).toBe(5)
  })

  it('beyond the number of heads waits for one instead of failing, and no two batches share a place', async () => {
    const store = createStore({ db: database.db, clock: services.clock })
    const before = await batches(services)
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        await store.transaction(async (tx) => tx.audit.append(entry(`parallel ${index}`)))
      }),
    )
    expect((await batches(services)) - before).toBe(60)
  })

  it('refuses an entry that comes after its end', async () => {
    let late: () => void = () => undefined
    await services.store.transaction(async (tx) => {
      late = () => tx.audit.append(entry('late'))
    })
    expect(late).toThrow('after its transaction had ended')
  })

  it('reads one state for as long as a snapshot lasts, and writes nothing in it', async () => {
    const [before, after] = await services.store.snapshot(async (tables) => {
      const first = (await tables.schedule.list()).length
      await services.store.schedule.ensure('during a snapshot', services.clock.now())
      return [first, (await tables.schedule.list()).length]
    })
    expect(after).toBe(before)
    const writing = services.store.snapshot(async (tables) => await tables.schedule.ensure('x', new Date(0)))
    expect(await rejection(writing)).toMatchObject({ code: '25006' })
  })
})

describe('a database that is not there', () => {
  it('is unavailable, with what was tried', async () => {
    const { db, close } = openDatabase({
      address: { host: '127.0.0.1', port: 1, user: 'x', password: new Secret('x'), database: 'x' },
      maxConnections: 1,
    })
    const asked = createStore({ db, clock: { now: () => new Date(0) } }).schedule.list()
    expect(await rejection(asked)).toMatchObject({ code: 'upstream_unavailable', retryAfterSeconds: 1 })
    await close()
  })
})

async function batches({ store }: TestServices): Promise<number> {
  return (await store.auditHeads.list()).reduce((sum, { batch }) => sum + batch, 0)
}

async function placeOf({ store }: TestServices, id: string): Promise<{ head: number; from: number; to: number }> {
  for (const { head, batch } of await store.auditHeads.list()) {
    const rows = await store.auditEvents.ofBatches({ head, from: 1, to: batch })
    const row = rows.find((candidate) => candidate.id === id)
    if (row !== undefined) return { head, from: Number(row.batch), to: Number(row.batch) }
  }
  throw new Error(`no entry ${id}`)
}
