import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { encryptionStatus } from '../../src/access/encryption-status.js'
import { followSealingKey, lookForSealingKey } from '../../src/access/follow-sealing-key.js'
import { reseal } from '../../src/access/reseal.js'
import { keyIdOf } from '../../src/access/sealing.js'
import { startHeartbeat } from '../../src/inventory/server-heartbeat.js'
import type { TestServices } from '../postgres.js'
import { both, end, endAll, never, newer, older, rotatedWithout, start, stateOf } from './copies.js'

/** Has the older key alone, and is cut off, or stands still, while the key is replaced. */
let silent: TestServices
let following: { stop(): void }
beforeEach(async () => {
  silent = await start({ CERTCTL_CONFIG_ENCRYPTION_KEY: older }, 'server-silent')
  following = followSealingKey({ ...silent, wakes: { ...silent.wakes, on: () => () => undefined } })
})
afterEach(async () => {
  following.stop()
  await endAll()
})

const refused = (copy: TestServices, why: string) =>
  expect(stateOf(copy).put('a', 1)).rejects.toMatchObject({
    code: 'upstream_unavailable',
    message: expect.stringContaining(why),
  })

describe('a copy that was silent while the encryption key was replaced without it', () => {
  it('seals nothing when it comes back, before it has asked and after', async () => {
    await stateOf(silent).put('early', 1)
    const { one } = await rotatedWithout(silent)
    silent.clock.advance(46)
    await refused(silent, 'could not ask the database')
    expect(await lookForSealingKey(silent)).toBe(false)
    await refused(silent, 'Restart it with that one in CERTCTL_CONFIG_ENCRYPTION_KEY')
    expect(silent.sealing.refusal()?.message).not.toContain(one.sealing.keyId)
    await stateOf(one).put('a', 1)
  })

  it('hears of it in its next heartbeat, before anything else is written', async () => {
    await end(silent)
    let beat: () => void = () => undefined
    const interval = jest.spyOn(globalThis, 'setInterval').mockImplementation((work) => {
      beat = work
      return setTimeout(() => undefined, 0)
    })
    const heartbeat = await startHeartbeat(silent)
    interval.mockRestore()
    await rotatedWithout(silent)
    const { beat: write } = silent.store.servers
    const refusals: unknown[] = []
    silent.store.servers.beat = async (...row) => {
      refusals.push(silent.sealing.refusal()?.message)
      return await write(...row)
    }
    beat()
    await heartbeat.stop()
    expect(refusals).toEqual([expect.stringContaining('was not given the encryption key')])
    expect(silent.logged).toContainEqual(
      expect.objectContaining({ level: 50, reason: expect.stringContaining('start it with that one') }),
    )
  })

  it('is not taken to know the key because an answer of before is read after', async () => {
    const { list } = silent.store.sealingKeys
    silent.store.sealingKeys.list = async () => {
      const rows = await list()
      silent.clock.advance(46)
      return rows
    }
    expect(await lookForSealingKey(silent)).toBe(false)
    silent.store.sealingKeys.list = list
    expect(await lookForSealingKey(silent)).toBe(true)
    await stateOf(silent).put('a', 1)
  })

  it('loses nothing that it wrote all the same after everything was sealed anew', async () => {
    const { one, two } = await rotatedWithout(silent)
    for (const seconds of [0, 61]) {
      one.clock.advance(seconds)
      await reseal(two, never)
    }
    expect((await encryptionStatus(one)).state).toBe('settled')
    // Sealed before it stood still, and written after.
    silent.sealing.expectUse({ withinMs: Number.POSITIVE_INFINITY, nowMs: () => 0 })
    await stateOf(silent).put('late', 'kept')
    expect(await encryptionStatus(one)).toMatchObject({ state: 'resealing', remaining: { connector_state: 1 } })
    one.clock.advance(60)
    await reseal(two, never)
    expect((await encryptionStatus(one)).state).toBe('settled')
    const after = await start({ CERTCTL_CONFIG_ENCRYPTION_KEY: newer }, 'server-after')
    expect((await stateOf(after).get('late'))?.value).toBe('kept')
  })

  it('keeps the older key from being forgotten by what it writes at the last moment', async () => {
    const { one } = await rotatedWithout(silent)
    await reseal(one, never)
    one.clock.advance(61)
    silent.sealing.expectUse({ withinMs: Number.POSITIVE_INFINITY, nowMs: () => 0 })
    const { others } = one.store.sealedCells
    one.store.sealedCells.others = async (column, page) => {
      const cells = await others(column, page)
      if (column.table === 'connector_state') await stateOf(silent).put('late', 1)
      return cells
    }
    await reseal(one, never)
    expect(await one.store.sealingKeys.list()).toHaveLength(2)
  })
})

describe('a copy with both keys', () => {
  it('goes back to no key that an answer of before names', async () => {
    const copy = await start(both, 'server-both')
    const now = copy.clock.now().getTime()
    const [next, before] = copy.sealing.keyIds()
    copy.sealing.use(String(next), now)
    copy.sealing.use(String(before), now - 1)
    const place = { table: 't', id: 'i', column: 'c' }
    expect(keyIdOf(copy.sealing.seal('x', place))).toBe(next)
  })
})
