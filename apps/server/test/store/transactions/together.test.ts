import { CertctlError } from '@certctl/core'
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { sql } from 'kysely'
import pg from 'pg'
import { systemActor } from '../../../src/access/principal.js'
import { verifyRecord } from '../../../src/audit/verify.js'
import { type Database, openDatabase } from '../../../src/store/database.js'
import { createStore, type Tx } from '../../../src/store/store.js'
import { createTestServices, type TestServices } from '../../postgres.js'

let services: TestServices
let database: Database
beforeAll(async () => {
  services = await createTestServices()
  database = openDatabase({ address: services.database.address, maxConnections: 2 })
})
afterEach(async () => {
  await sql`delete from jobs`.execute(database.db)
  await sql`delete from agents`.execute(database.db)
})
afterAll(async () => {
  await database.close()
  await services.close()
})

const idOf = (index: number) => `agent-${String(index).padStart(3, '0')}`
const insert = async (tx: Tx, index: number, name = idOf(index)) =>
  await tx.agents.insert({ id: idOf(index), name, key_hash: Buffer.from(idOf(index)), registered_at: tx.now })
const record = (tx: Tx, index: number) =>
  tx.audit.append({ actor: systemActor, action: 'agent.created', resource_type: 'agent', resource_id: idOf(index) })
/** Side by side with a first one that keeps the writers busy, so that the rest waits and goes together. */
async function all<T>(count: number, work: (tx: Tx, index: number) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  return await Promise.allSettled(
    Array.from(
      { length: count },
      async (_, index) => await services.store.together(idOf(index), async (tx) => await work(tx, index)),
    ),
  )
}
const failures = (settled: readonly PromiseSettledResult<unknown>[]) =>
  settled.flatMap((one, index) => (one.status === 'rejected' ? [index] : []))
const stored = async () =>
  (await sql<{ id: string }>`select id from agents order by id`.execute(database.db)).rows.map(({ id }) => id)

describe('work that waits together', () => {
  it('is done and committed, all of it, in few transactions with one batch of the record each', async () => {
    const before = (await sql<{ n: string }>`select count(*) as n from audit_batches`.execute(database.db)).rows[0]?.n
    const settled = await all(100, async (tx, index) => {
      await insert(tx, index)
      record(tx, index)
      return (await tx.agents.get(idOf(index)))?.name
    })
    expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : one.reason))).toEqual(
      Array.from({ length: 100 }, (_, index) => idOf(index)),
    )
    expect(await stored()).toHaveLength(100)
    const after = (await sql<{ n: string }>`select count(*) as n from audit_batches`.execute(database.db)).rows[0]?.n
    expect(Number(after) - Number(before)).toBeLessThan(10)
    expect(await verifyRecord(services)).toMatchObject({ ok: true })
  })

  it('waits for no second connection while it holds one', async () => {
    const single = openDatabase({ address: services.database.address, maxConnections: 1 })
    // Whoever waits for one gives up after fifteen seconds, and goes on without.
    const waited: unknown[] = []
    const { connect } = pg.Pool.prototype as { connect(): Promise<pg.PoolClient> }
    const noted = async function (this: pg.Pool): Promise<pg.PoolClient> {
      return await connect.call(this).catch((error: unknown) => {
        waited.push(error)
        throw error
      })
    }
    const connecting = jest.spyOn(pg.Pool.prototype, 'connect').mockImplementation(noted as never)
    try {
      const store = createStore({ db: single.db, clock: services.clock })
      const ids = Array.from({ length: 20 }, (_, index) => idOf(index))
      await Promise.all(ids.map(async (id, index) => await store.together(id, async (tx) => await insert(tx, index))))
      expect(await stored()).toEqual(ids)
      expect(waited).toEqual([])
    } finally {
      connecting.mockRestore()
      await single.close()
    }
  })

  it('fails alone where its row is refused, and says why', async () => {
    const settled = await all(40, async (tx, index) => {
      // The name of another one: refused by the database.
      await insert(tx, index, index === 23 ? idOf(7) : idOf(index))
      record(tx, index)
    })
    const [failed] = failures(settled)
    expect(failures(settled)).toHaveLength(1)
    expect([7, 23]).toContain(failed)
    expect(await stored()).toHaveLength(39)
    const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    expect(reasons).toEqual([expect.objectContaining({ constraint: 'agents_name' })])
    expect(await verifyRecord(services)).toMatchObject({ ok: true })
  })

  it('fails alone also where others were about to ask for something else', async () => {
    const settled = await all(40, async (tx, index) => {
      if (index % 2 === 0) await tx.agents.get(idOf(index))
      if (index % 3 === 0) await tx.agents.countLive(tx.now)
      await insert(tx, index, index === 23 ? idOf(7) : idOf(index))
      await tx.agents.get(idOf(index))
    })
    expect(failures(settled)).toHaveLength(1)
    expect(await stored()).toHaveLength(39)
  })

  it('fails alone where it refuses itself, and leaves nothing of what it wrote before', async () => {
    const settled = await all(40, async (tx, index) => {
      await insert(tx, index)
      record(tx, index)
      if (index % 13 === 5) throw new CertctlError('conflict', `not ${index}`)
    })
    expect(failures(settled)).toEqual([5, 18, 31])
    expect(settled[18]).toMatchObject({ reason: { code: 'conflict', message: 'not 18' } })
    const ids = await stored()
    expect(ids).toHaveLength(37)
    expect(ids).not.toContain(idOf(5))
  })

  it('fails alone where it refuses itself while others go on without a row that was not to be had', async () => {
    const settled = await all(20, async (tx, index) => {
      await insert(tx, index)
      if (index === 8 || index === 9) await tx.certificates.lock(`nobody-${index}`).catch(() => undefined)
      else await tx.agents.get(idOf(index))
      // By now it is known that those two did not get theirs.
      await tx.agents.get(idOf(index))
      if (index === 15) throw new CertctlError('conflict', 'not this one')
    })
    expect(failures(settled)).toEqual([15])
    const ids = await stored()
    expect(ids).toHaveLength(19)
    expect(ids).not.toContain(idOf(15))
  })

  it('does not wait for a lock that one of it waits for', async () => {
    await all(9, async (tx, index) => await insert(tx, index))
    const holder = openDatabase({ address: services.database.address, maxConnections: 1 })
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let isHeld: () => void = () => undefined
    const holds = new Promise<void>((resolve) => {
      isHeld = resolve
    })
    const holding = holder.db.transaction().execute(async (tx) => {
      await sql`select 1 from agents where id = ${idOf(4)} for update`.execute(tx)
      isHeld()
      await held
    })
    await holds
    const done = new Set<number>()
    const settled = all(9, async (tx, index) => {
      await tx.agents.update(idOf(index), { hostname: 'changed' })
    })
    const each = Array.from({ length: 9 }, async (_, index) => {
      await services.store.together(`more-${index}`, async (tx) => await tx.agents.get(idOf(index)))
      done.add(index)
    })
    await Promise.all(each)
    expect(done.size).toBe(9)
    release()
    await holding
    expect(failures(await settled)).toEqual([])
    await holder.close()
  })

  it('is never done side by side where it is about one thing', async () => {
    let inside = 0
    let most = 0
    const one = async () =>
      await services.store.together('the same', async (tx) => {
        inside += 1
        most = Math.max(most, inside)
        await tx.agents.get('nobody')
        await tx.agents.get('nobody')
        inside -= 1
      })
    await Promise.all([...Array.from({ length: 20 }, one), all(20, async (tx, index) => await insert(tx, index))])
    expect(most).toBe(1)
  })

  it('reads, writes and changes what it would alone, whatever the types', async () => {
    await all(12, async (tx, index) => await insert(tx, index))
    const job = (tx: Tx, index: number) => ({
      id: `job-${index}`,
      kind: 'scan' as const,
      state: 'ready' as const,
      agent_id: idOf(index),
      run_at: new Date(tx.now.getTime() + index * 1000),
      requested_by: 'test',
      created_at: tx.now,
    })
    const made = await all(12, async (tx, index) => {
      const inserted = await tx.jobs.insert(job(tx, index))
      const again = await tx.jobs.insert(job(tx, index))
      await tx.jobs.update(`job-${index}`, {
        result: JSON.stringify({ index, nested: [null, 'ä"\\'] }),
        last_error: index % 2 === 0 ? null : `error ${index}`,
        locked_until: index % 3 === 0 ? null : tx.now,
        attempts: index,
      })
      const forward = await tx.jobs.bringForward(`job-${index}`, new Date(tx.now.getTime() + 5000))
      return { inserted, again: again.created, forward, row: await tx.jobs.lock(`job-${index}`) }
    })
    for (const [index, one] of made.entries()) {
      if (one.status === 'rejected') throw one.reason
      const alone = await services.store.jobs.get(`job-${index}`)
      expect(one.value).toEqual({
        inserted: { id: `job-${index}`, created: true },
        again: false,
        forward: index > 5,
        row: alone,
      })
      expect(alone).toMatchObject({
        attempts: index,
        result: { index, nested: [null, 'ä"\\'] },
        last_error: index % 2 === 0 ? null : `error ${index}`,
        locked_until: index % 3 === 0 ? null : services.clock.now(),
      })
    }
  })

  it('may ask for different things: those that ask alike are answered alike', async () => {
    const settled = await all(30, async (tx, index) => {
      if (index % 2 === 0) await insert(tx, index)
      if (index % 3 === 0) record(tx, index)
      return (await tx.agents.get(idOf(index)))?.id
    })
    expect(settled.map((one) => one.status === 'fulfilled' && one.value)).toEqual(
      Array.from({ length: 30 }, (_, index) => (index % 2 === 0 ? idOf(index) : undefined)),
    )
  })
})
