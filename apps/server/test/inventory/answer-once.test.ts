import type { RawReply } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { answerOnce } from '../../src/inventory/answer-once.js'
import type { Services } from '../../src/services.js'
import { databaseErrorOf } from '../../src/store/database-error.js'
import type { Store } from '../../src/store/store.js'
import { createTestServices, insertServer, type TestServices } from '../postgres.js'

let services: TestServices
let count = 0
let key = ''
beforeAll(async () => {
  services = await createTestServices()
})
afterAll(async () => await services.close())
beforeEach(() => {
  count += 1
  key = `key-${count}`
})

async function ask(answer: () => Promise<RawReply>, asked: Services = services): Promise<RawReply> {
  const principal = { kind: 'key', id: 'key-1', name: 'one', role: 'admin' } as const
  return await answerOnce(
    asked,
    { principal, address: '192.0.2.1', key, method: 'POST', path: '/api/v1/x', body: {} },
    answer,
  )
}

/** A key is kept for so long, in seconds. */
const day = 86_400

async function expectEnded(): Promise<void> {
  const refused = ask(async () => reply('second'))
  await expect(refused).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('with a new key') })
  await expect(refused).rejects.not.toMatchObject({ retryAfterSeconds: 1 })
}

const reply = (body: string): RawReply => ({ status: 201, headers: {}, body })

/** A call that goes on until it is told how to end. */
async function begin() {
  const { promise: reached, resolve: reach } = promiseOf<void>()
  const { promise: end, resolve, reject } = promiseOf<RawReply>()
  const outcome = ask(async () => {
    reach()
    return await end
  })
  outcome.catch(() => undefined)
  await reached
  return { outcome, resolve, reject }
}

function promiseOf<T>() {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((done, fail) => {
    resolve = done
    reject = fail
  })
  return { promise, resolve, reject }
}

describe('a call under an idempotency key', () => {
  it('is not done a second time while it is still under way, however slow it is', async () => {
    const slow = await begin()
    services.clock.advance(600)
    await expect(ask(async () => reply('second'))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('still under way'),
      retryAfterSeconds: 1,
    })
    slow.resolve(reply('first'))
    expect(await slow.outcome).toEqual(reply('first'))
    expect(await ask(async () => reply('second'))).toEqual(reply('first'))
  })

  it('is not done again when the server that did it must have died, for the rest of the day', async () => {
    await begin()
    services.clock.advance(901)
    await expectEnded()
    services.clock.advance(day - 902)
    await expectEnded()
    services.clock.advance(1)
    expect(await ask(async () => reply('second'))).toEqual(reply('second'))
  })

  it('says what to do as soon as its server is known to be dead', async () => {
    await insertServer(services)
    await begin()
    services.clock.advance(59)
    await expect(ask(async () => reply('second'))).rejects.toMatchObject({ retryAfterSeconds: 1 })
    services.clock.advance(2)
    await expectEnded()
    await services.store.servers.remove(services.server.id)
  })

  it('is not done again where it was done and its answer could not be kept', async () => {
    const { store, ...more } = services
    const finish = async () => await Promise.reject(new Error('the database is gone'))
    const failing = {
      ...more,
      store: Object.assign(Object.create(store) as Store, { idempotencyKeys: { ...store.idempotencyKeys, finish } }),
    }
    expect(await ask(async () => reply('first'), failing)).toMatchObject({ body: reply('first').body })
    expect(services.logged.at(-1)).toMatchObject({ msg: expect.stringContaining('Idempotency-Key') })
    await expect(ask(async () => reply('second'))).rejects.toMatchObject({ code: 'conflict' })
  })

  it('is not done again where the connection was lost at its commit, and is where it was lost before', async () => {
    const lostAt = (doing: string) => async () =>
      await Promise.reject(databaseErrorOf(new Error('Connection terminated'), doing))
    await expect(ask(lostAt('select 1'))).rejects.toThrow('connection to the database was lost')
    await expect(ask(lostAt('commit'))).rejects.toThrow('not known')
    await expect(ask(async () => reply('third'))).rejects.toMatchObject({ code: 'conflict' })
  })

  it('is kept in one piece where its answer comes in several', async () => {
    const pieces = async function* () {
      yield 'one '
      yield 'two'
    }
    const first = await ask(async () => ({ ...reply(''), body: pieces() }))
    expect([first, await ask(async () => reply('other'))]).toEqual([reply('one two'), reply('one two')])
  })

  it('is not kept where the server failed', async () => {
    await ask(async () => ({ ...reply('broken'), status: 503 }))
    expect(await ask(async () => reply('whole'))).toEqual(reply('whole'))
  })

  it('is sealed where it is kept', async () => {
    await ask(async () => reply('a secret of the answer'))
    const begun = await services.store.idempotencyKeys.begin(
      { caller: 'key key-1', key, request_hash: Buffer.of(), started_at: new Date(0), expires_at: new Date(0) },
      { now: services.clock.now() },
    )
    expect(begun?.answer?.length).toBeGreaterThan(20)
    expect(begun?.answer?.toString('latin1')).not.toContain('secret')
  })

  it('does not overwrite the answer of the call that took its key over', async () => {
    const slow = await begin()
    services.clock.advance(day + 1)
    await ask(async () => reply('second'))
    slow.resolve(reply('first'))
    expect(await slow.outcome).toEqual(reply('first'))
    expect(await ask(async () => reply('third'))).toEqual(reply('second'))
  })

  it('does not free the key for a third when it fails after another took it over', async () => {
    const slow = await begin()
    services.clock.advance(day + 1)
    const second = await begin()
    slow.reject(new CertctlError('upstream_unavailable', 'It is gone'))
    await expect(slow.outcome).rejects.toMatchObject({ code: 'upstream_unavailable' })
    await expect(ask(async () => reply('third'))).rejects.toMatchObject({ code: 'conflict' })
    second.resolve(reply('second'))
    await second.outcome
    expect(await ask(async () => reply('third'))).toEqual(reply('second'))
  })

  it('frees its key when it failed itself', async () => {
    const failing = await begin()
    failing.reject(new CertctlError('upstream_unavailable', 'It is gone'))
    await expect(failing.outcome).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(await ask(async () => reply('second'))).toEqual(reply('second'))
  })
})
