import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { startHeartbeat } from '../../src/inventory/server-heartbeat.js'
import {
  databaseErrorOf,
  isWorthAnotherTry,
  violatedReference,
  violatedUnique,
} from '../../src/store/database-error.js'
import { createTestServices, type TestServices } from '../postgres.js'

/** One that never beats by itself, however long the test takes: time is the test's. */
async function startStill(services: TestServices): Promise<{ stop(): Promise<void> }> {
  const interval = jest.spyOn(globalThis, 'setInterval').mockReturnValue(setTimeout(() => undefined, 0))
  try {
    return await startHeartbeat(services)
  } finally {
    interval.mockRestore()
  }
}

describe('what copies share', () => {
  let services: TestServices
  let copy: TestServices
  beforeAll(async () => {
    services = await createTestServices()
    copy = await createTestServices({ database: services.database, clock: services.clock, serverId: 'server-copy' })
  })
  afterAll(async () => {
    await copy.close()
    await services.close()
  })

  it('a due run is taken by exactly one of many', async () => {
    const now = services.clock.now()
    await services.store.schedule.ensure('loop', now)
    await services.store.schedule.ensure('loop', new Date(0))
    const run = { name: 'loop', now, nextAt: new Date(now.getTime() + 60_000) }
    const taken = await Promise.all(
      Array.from(
        { length: 12 },
        async (_, index) => await (index % 2 === 0 ? services : copy).store.schedule.take(run),
      ),
    )
    expect(taken.filter((won) => won)).toHaveLength(1)
    expect(await services.store.schedule.take(run)).toBe(false)
    services.clock.advance(60)
    expect(await copy.store.schedule.take({ ...run, now: services.clock.now() })).toBe(true)
  })

  it('a run is brought forward, never put off', async () => {
    const now = services.clock.now()
    await services.store.schedule.ensure('sooner', new Date(now.getTime() + 3_600_000))
    await services.store.schedule.bringForward('sooner', now)
    await services.store.schedule.bringForward('sooner', new Date(now.getTime() + 7_200_000))
    expect((await services.store.schedule.list()).find(({ name }) => name === 'sooner')?.next_run_at).toEqual(now)
  })

  it('a secret is that of whoever wrote it first, and replaced only by who has seen the last one', async () => {
    const { serverSecrets } = services.store
    const created_at = services.clock.now()
    const written = await Promise.all(
      ['a', 'b', 'c'].map(
        async (text) => await serverSecrets.keepFirst({ name: 'shared', value: Buffer.from(text), created_at }),
      ),
    )
    const [first = Buffer.alloc(0)] = written
    expect(written.every((value) => value.equals(first))).toBe(true)
    const replace = async (value: string, seen: Buffer) =>
      await serverSecrets.replace({ name: 'shared', value: Buffer.from(value), seen, created_at })
    expect([await replace('d', first), await replace('e', first)]).toEqual([true, false])
    expect((await serverSecrets.find('shared'))?.toString()).toBe('d')
  })

  it('a copy is alive from its start to its end, and comes back when its row was taken away', async () => {
    const heartbeat = await startStill(copy)
    const alive = async () =>
      (await services.store.servers.listAlive(new Date(services.clock.now().getTime() - 60_000))).map(({ id }) => id)
    expect(await alive()).toEqual(['server-copy'])
    services.clock.advance(61)
    expect(await alive()).toEqual([])
    expect(await services.store.servers.beat('server-copy', services.clock.now())).toBe(true)
    expect(await alive()).toEqual(['server-copy'])
    await services.store.servers.remove('server-copy')
    expect(await services.store.servers.beat('server-copy', services.clock.now())).toBe(false)
    await heartbeat.stop()
    expect(await alive()).toEqual([])
  })

  it('a copy that died a day ago is forgotten when another starts', async () => {
    const dead = {
      id: 'server-dead',
      hostname: 'h',
      version: '1',
      environment: {},
      started_at: services.clock.now(),
      heartbeat_at: services.clock.now(),
    }
    await services.store.servers.insert(dead)
    services.clock.advance(86_401)
    const heartbeat = await startStill(copy)
    expect((await services.store.servers.listAlive(new Date(0))).map(({ id }) => id)).toEqual(['server-copy'])
    await heartbeat.stop()
  })
})

describe('an error of the database', () => {
  const error = (code: string, constraint?: string) =>
    Object.assign(new Error('as PostgreSQL says it'), { code, constraint })

  it.each(['57P01', '08006', 'ECONNREFUSED', 'ECONNRESET', '53300'])('%s means that it is not there', (code) => {
    expect(databaseErrorOf(error(code), 'select')).toMatchObject({ code: 'upstream_unavailable', retryAfterSeconds: 1 })
  })

  it('in the middle of a commit leaves open what happened', () => {
    expect(databaseErrorOf(error('57P01'), 'commit')).toMatchObject({ message: expect.stringContaining('not known') })
    expect(databaseErrorOf(error('57P01'), 'select 1')).toMatchObject({
      message: expect.not.stringContaining('not known'),
    })
  })

  it.each(['57014', '55P03'])('%s means that it is busy', (code) => {
    expect(databaseErrorOf(error(code), 'select')).toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining('too long'),
    })
  })

  it('that a program made is left as it is', () => {
    const wrong = error('42601')
    expect(databaseErrorOf(wrong, 'select')).toBe(wrong)
  })

  it('names the constraint, and whether the same may pass when tried again', () => {
    expect(violatedUnique(error('23505', 'agents_name'))).toBe('agents_name')
    expect(violatedUnique(error('23503', 'x'))).toBeUndefined()
    expect(violatedReference(error('23503', 'placements_target_id_fkey'))).toBe('placements_target_id_fkey')
    expect(violatedReference('not an error')).toBeUndefined()
    expect([
      isWorthAnotherTry(error('40001')),
      isWorthAnotherTry(error('40P01')),
      isWorthAnotherTry(error('23505')),
    ]).toEqual([true, true, false])
  })
})
