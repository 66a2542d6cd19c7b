import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { CompiledQuery, type Insertable, type Kysely, type QueryResult, sql } from 'kysely'
import { lockByKey, part, partsKey, rowsByAsked, rowsByKey, sameRows } from '../../../src/store/by-key.js'
import { type Database, openDatabase } from '../../../src/store/database.js'
import { insertInto, updateById } from '../../../src/store/row-writes.js'
import type { JobsTable, Schema, VersionDersTable } from '../../../src/store/schema.js'
import { tablesOn } from '../../../src/store/tables.js'
import { inTransaction } from '../../../src/store/transactions/in-transaction.js'
import { createMergingLanes, type Faults } from '../../../src/store/transactions/merging-lanes.js'
import { mergingReads } from '../../../src/store/transactions/merging-reads.js'
import { builderOn } from '../../../src/store/transactions/pipelined.js'
import { type TestDatabase, testDatabase } from '../../postgres.js'

let test: TestDatabase
let database: Database
const sent: CompiledQuery[] = []
beforeAll(async () => {
  test = await testDatabase()
  database = openDatabase({ address: test.address, maxConnections: 3 })
})
afterAll(async () => {
  await database.close()
  await test.close()
})
beforeEach(async () => {
  await sql`delete from agents`.execute(database.db)
  await sql`delete from owners`.execute(database.db)
  sent.length = 0
})

const listening = (db: Kysely<Schema>) => async (query: CompiledQuery) => {
  sent.push(query)
  return (await db.executeQuery(query)) as QueryResult<unknown>
}
const texts = () => sent.map(({ sql: text }) => text)
const ownFaults = (): Faults & { told: string[] } => {
  const told: string[] = []
  return { told, failed: () => void told.push('failed'), absent: () => void told.push('absent') }
}
/** So many who work on one connection side by side. */
async function sideBySide<T>(
  count: number,
  work: (lane: Kysely<Schema>, index: number) => Promise<T>,
): Promise<{ settled: PromiseSettledResult<T>[]; told: string[][]; shared: unknown[] }> {
  return await inTransaction(database.db, 'isolation level read committed', async ({ db }) => {
    const shared: unknown[] = []
    const laneOf = createMergingLanes(listening(db), { onShared: (error) => void shared.push(error) })
    const faults = Array.from({ length: count }, ownFaults)
    const settled = await Promise.allSettled(
      faults.map(async (own, index) => await work(builderOn(laneOf(own) as never), index)),
    )
    return { settled, told: faults.map(({ told }) => told), shared }
  })
}
const valuesOf = <T>(settled: readonly PromiseSettledResult<T>[]) =>
  settled.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)))

const at = new Date('2026-03-01T12:00:00.123Z')
const insertAgents = async (count: number) => {
  for (let index = 0; index < count; index++)
    await tablesOn(database.db).agents.insert({
      id: `agent-${index}`,
      name: `agent-${index}`,
      key_hash: Buffer.from(`hash-${index}`),
      registered_at: at,
    })
}
const agentById = rowsByKey('id', (build, isIt) => build.selectFrom('agents').select(['id', 'name']).where(isIt))
const agentLocked = lockByKey('id', (build, isIt) =>
  build.selectFrom('agents').select(['id', 'name']).where(isIt).forNoKeyUpdate(),
)

describe('what several ask alike in the same moment', () => {
  it('is one statement, and each is answered its own', async () => {
    await insertAgents(3)
    const { settled, told } = await sideBySide(4, async (lane, index) => await agentById(lane, `agent-${index % 4}`))
    expect(valuesOf(settled)).toEqual([
      [{ id: 'agent-0', name: 'agent-0' }],
      [{ id: 'agent-1', name: 'agent-1' }],
      [{ id: 'agent-2', name: 'agent-2' }],
      [],
    ])
    expect(sent).toHaveLength(1)
    expect(told.flat()).toEqual([])
  })

  it('is answered to each where several ask for the same, and for several keys', async () => {
    await insertAgents(3)
    const { settled } = await sideBySide(3, async (lane, index) => {
      const rows = await agentById(lane, 'agent-1', `agent-${index}`)
      return rows.map(({ id }) => id).toSorted()
    })
    expect(valuesOf(settled)).toEqual([['agent-0', 'agent-1'], ['agent-1'], ['agent-1', 'agent-2']])
    expect(sent).toHaveLength(1)
  })

  it('is one statement also in the middle of different work, and nobody is overtaken by what he asked later', async () => {
    await insertAgents(4)
    const rename = updateById('agents')
    const { settled } = await sideBySide(4, async (lane, index) => {
      const id = `agent-${index}`
      const [before, , after] = await Promise.all([
        agentById(lane, id),
        index === 2
          ? lane.updateTable('agents').set({ name: 'two' }).where('id', '=', id).execute()
          : rename(lane, id, { name: `new-${index}` }),
        agentById(lane, id),
      ])
      return [before[0]?.name, after[0]?.name]
    })
    expect(valuesOf(settled)).toEqual([
      ['agent-0', 'new-0'],
      ['agent-1', 'new-1'],
      ['agent-2', 'two'],
      ['agent-3', 'new-3'],
    ])
    // One to read, one for all that are written alike, one that is not, one to read again.
    expect(texts().map((text) => /select|update/.exec(text)?.[0])).toEqual(['select', 'update', 'update', 'select'])
  })

  it('is the same for everybody where it has no key', async () => {
    const names = sameRows((build) => build.selectFrom('owners').select('name').orderBy('name'))
    await tablesOn(database.db).owners.insert({ id: 'o', name: 'Owner', created_at: at, updated_at: at })
    const { settled } = await sideBySide(5, async (lane) => await names(lane))
    expect(valuesOf(settled)).toEqual(Array.from({ length: 5 }, () => [{ name: 'Owner' }]))
    expect(sent).toHaveLength(1)
  })

  it('goes as it is where only one asks', async () => {
    await sideBySide(1, async (lane) => await agentLocked(lane, 'agent-0'))
    expect(texts()).toEqual([expect.not.stringContaining('skip locked')])
  })
})

describe('rows that several lock', () => {
  it('are locked for those whose nobody holds; the others are told, and the transaction goes on', async () => {
    await insertAgents(3)
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let isHeld: () => void = () => undefined
    const holds = new Promise<void>((resolve) => {
      isHeld = resolve
    })
    const holding = inTransaction(database.db, 'isolation level read committed', async ({ db }) => {
      await agentLocked(db, 'agent-1')
      isHeld()
      await held
    })
    await holds
    const { settled, told, shared } = await sideBySide(4, async (lane, index) => {
      const [row] = await agentLocked(lane, `agent-${index}`)
      await lane.selectFrom('agents').select('id').execute()
      return row?.id
    })
    release()
    await holding
    expect(valuesOf(settled)).toEqual([
      'agent-0',
      expect.stringContaining('locked, or is not there'),
      'agent-2',
      // It is not there at all: whoever asked finds that out alone.
      expect.stringContaining('locked, or is not there'),
    ])
    expect(told).toEqual([[], ['absent'], [], ['absent']])
    expect(shared).toEqual([])
  })
})

describe('a statement that fails', () => {
  it('is the fault of nobody in particular where several asked it', async () => {
    const insert = insertInto('owners')
    const row = (id: string) => ({ id, name: 'the same', created_at: at, updated_at: at })
    const failing = sideBySide(2, async (lane, index) => await insert(lane, row(`o${index}`)))
    await expect(
      failing.then(({ told, shared }) => {
        expect(told).toEqual([[], []])
        expect(shared).toHaveLength(1)
      }),
    ).rejects.toThrow(/passed over/)
  })

  it('is that of the one who asked it alone', async () => {
    const failing = sideBySide(2, async (lane, index) => {
      await lane.executeQuery(CompiledQuery.raw(index === 0 ? 'select 1 as one' : 'select 1 / 0'))
    })
    await expect(
      failing.then(({ told, shared }) => {
        expect(told).toEqual([[], ['failed']])
        expect(shared).toEqual([])
      }),
    ).rejects.toThrow(/passed over/)
  })
})

describe('rows that are written together', () => {
  const awkward = ['', 'a\u0001\\x00', 'it\'s "quoted"', '{"json":1}', 'zwei\nZeilen\t', '𝄞 é', '{a,b}', 'null']
  const job = (index: number): Insertable<JobsTable> => ({
    id: `job-${index}`,
    kind: 'scan',
    state: index % 2 === 0 ? 'ready' : 'done',
    agent_id: 'agent-0',
    run_at: new Date(at.getTime() + index),
    last_error: awkward[index % awkward.length] ?? null,
    requested_by: awkward[(index + 3) % awkward.length] ?? '',
    requested_by_person: index % 3 === 0 ? null : awkward,
    renewal: index % 2 === 0,
    result: index % 4 === 0 ? null : JSON.stringify({ text: awkward, deep: { n: 1.5, nothing: null } }),
    created_at: at,
  })

  it('are what they would be alone, whatever the types', async () => {
    await insertAgents(1)
    const insert = insertInto('jobs', { json: ['result'], unless: '' })
    const change = updateById('jobs', { json: ['result'] })
    const work = async (db: Kysely<Schema>, index: number) => {
      const written = await insert(db, job(index))
      const again = await insert(db, job(index))
      const { id: _, kind: __, ...changes } = job(index + 5)
      await change(db, `job-${index}`, { ...changes, attempts: index, lease: undefined })
      return [written, again, await tablesOn(db).jobs.get(`job-${index}`)]
    }
    const { settled } = await sideBySide(16, work)
    const together = valuesOf(settled)
    await sql`delete from jobs`.execute(database.db)
    const alone = []
    for (let index = 0; index < 16; index++) alone.push(await work(database.db, index))
    expect(together).toEqual(alone)
    expect(together[3]).toMatchObject([true, false, { attempts: 3, run_at: new Date(at.getTime() + 8) }])
    // Written, written again, changed, read: each for all.
    expect(sent).toHaveLength(4)
    await sql`delete from jobs`.execute(database.db)
  })

  it('are told apart by all columns of their key', async () => {
    const insert = insertInto('connector_state', { unless: '("instance", "key")', key: ['instance', 'key'] })
    const cell = (instance: string) => ({ instance, key: 'same', value: Buffer.from(instance), version: 1 })
    await insert(database.db, cell('two'))
    const names = ['one', 'two', 'three', 'one']
    await insert(database.db, { ...cell('ab'), key: 'c' })
    const alike = [
      { ...cell('ab'), key: 'c' },
      { ...cell('a'), key: 'bc' },
    ]
    const other = await sideBySide(2, async (lane, index) => await insert(lane, alike[index] ?? cell('')))
    expect(valuesOf(other.settled)).toEqual([false, true])
    sent.length = 0
    const { settled } = await sideBySide(4, async (lane, index) => await insert(lane, cell(names[index] ?? '')))
    // The last one asks for a row that another one writes: a statement of its own, which finds it there.
    expect(valuesOf(settled)).toEqual([true, false, true, false])
    expect(sent).toHaveLength(2)
    await sql`delete from connector_state`.execute(database.db)
  })

  it('keep bytes as they are', async () => {
    await sql`create table if not exists bytes (version_id text, der bytea, chain_pem text, csr_pem text)`.execute(
      database.db,
    )
    const insert = insertInto('bytes' as 'version_ders')
    const row = (index: number): Insertable<VersionDersTable> => ({
      version_id: String(index),
      der: Buffer.from(Array.from({ length: 300 }, (_, octet) => (octet * 7 + index) % 256)),
      chain_pem: '',
      csr_pem: '',
    })
    await sideBySide(5, async (lane, index) => await insert(lane, row(index)))
    const { rows } = await sql<{ der: Buffer }>`select der from bytes order by version_id`.execute(database.db)
    expect(rows.map(({ der }) => der)).toEqual(Array.from({ length: 5 }, (_, index) => row(index).der))
    expect(sent).toHaveLength(1)
  })

  it('are changed once by each who changes the same one', async () => {
    await insertAgents(1)
    const rename = updateById('agents')
    await sideBySide(3, async (lane, index) => await rename(lane, 'agent-0', { name: `name-${index}` }))
    expect(sent).toHaveLength(3)
    expect((await tablesOn(database.db).agents.get('agent-0'))?.name).toBe('name-2')
  })

  it('are changed where there is something to change only', async () => {
    await insertAgents(1)
    await updateById('agents')(builderOn(listening(database.db) as never), 'agent-0', { hostname: undefined })
    expect(sent).toEqual([])
  })
})

describe('reads outside of transactions', () => {
  const reading = () => mergingReads(builderOn(listening(database.db) as never))

  it('of one turn of the event loop are one statement', async () => {
    await insertAgents(3)
    const db = reading()
    const rows = await Promise.all([0, 1, 2, 3].map(async (index) => await agentById(db, `agent-${index}`)))
    expect(rows.map(([row]) => row?.name)).toEqual(['agent-0', 'agent-1', 'agent-2', undefined])
    expect(sent).toHaveLength(1)
  })

  it('are not spoilt by one that the database cannot take', async () => {
    await insertAgents(2)
    const db = reading()
    const keys = ['agent-0', 'no\u0000key', 'agent-1']
    const settled = await Promise.allSettled(keys.map(async (key) => await agentById(db, key)))
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it('begin no transaction: what belongs together would be spread over connections', async () => {
    await expect(
      reading()
        .transaction()
        .execute(async () => undefined),
    ).rejects.toThrow(/begin it in the store/)
  })

  it('lock and write each for themselves, since each commits by itself', async () => {
    await insertAgents(2)
    const db = reading()
    await Promise.all(['agent-0', 'agent-1'].map(async (id) => await updateById('agents')(db, id, { hostname: id })))
    await Promise.all(['agent-0', 'agent-1'].map(async (id) => await agentLocked(db, id)))
    expect(sent).toHaveLength(4)
  })
})

describe('a key of several parts', () => {
  const ofParts = rowsByAsked<{ id: string }>(
    (keys) => sql`select asked.key, agents.id from unnest(${keys}) as asked (key)
      join agents on agents.id = ${part(0)} and agents.name = ${part(1)}`,
  )

  it('finds what has all of them, whatever characters are in them', async () => {
    await insertAgents(2)
    const ask = async (...parts: string[]) => await ofParts(database.db, partsKey(...parts))
    expect(await ask('agent-1', 'agent-1')).toEqual([{ id: 'agent-1' }])
    expect(await ask('agent-1', 'agent-0')).toEqual([])
    // One part that reads like two is still one.
    for (const sneaky of ['agent-1 agent-1', 'agent-1","agent-1', '["agent-1","agent-1"]'])
      expect(await ask(sneaky, 'agent-0')).toEqual([])
  })
})

describe('a statement that is to be merged', () => {
  it('has its key for its only parameter', () => {
    expect(() =>
      rowsByKey('id', (build, isIt) => build.selectFrom('agents').select('id').where(isIt).where('name', '=', 'x')),
    ).toThrow(/2 parameters, not 1/)
  })
})
