import type { StateStore } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createRowStateStore } from '../../src/connectors/row-state-store.js'
import { createTestServices, type TestServices } from '../postgres.js'

let services: TestServices
let state: StateStore
beforeAll(async () => {
  services = await createTestServices()
  state = createRowStateStore(services, 'iss-one')
})
afterAll(async () => await services.close())

describe('the state of an instance', () => {
  it('is what was put there, with a version that counts up', async () => {
    expect(await state.get('account')).toBeUndefined()
    expect(await state.put('account', { key: 'canary-1' })).toMatchObject({ version: 1 })
    expect(await state.put('account', { key: 'canary-2' })).toMatchObject({ version: 2 })
    expect(await state.get('account')).toEqual({ key: 'account', value: { key: 'canary-2' }, version: 2 })
  })

  it('is sealed at rest', async () => {
    const cell = await services.store.connectorState.get('iss-one', 'account', services.clock.now())
    expect(cell?.value.toString('latin1')).not.toContain('canary')
  })

  it('opens only as the cell it was sealed for', async () => {
    const cell = await services.store.connectorState.get('iss-one', 'account', services.clock.now())
    if (cell === undefined) throw new Error('nothing there')
    const moved = { ...cell, key: 'moved', expires_at: null, at: services.clock.now() }
    await services.store.connectorState.insert('iss-two', moved)
    await expect(createRowStateStore(services, 'iss-two').get('moved')).rejects.toThrow()
  })

  it('belongs to its instance alone', async () => {
    expect(await createRowStateStore(services, 'iss-three').get('account')).toBeUndefined()
  })

  it('lets one of two copies win that saw the same version', async () => {
    await state.put('counter', 1)
    const both = await Promise.allSettled([
      state.put('counter', 2, { expect: 1 }),
      createRowStateStore(services, 'iss-one').put('counter', 3, { expect: 1 }),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await expect(state.put('counter', 9, { expect: 1 })).rejects.toMatchObject({ code: 'conflict' })
  })

  it('lets one of many be the first', async () => {
    const many = await Promise.allSettled(
      Array.from({ length: 8 }, async (_, n) => await state.put('ca', n, { expect: 'absent' })),
    )
    expect(many.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('is written for many at once, each its own, also where a few are there already', async () => {
    await state.put('order/3', 'earlier', { expect: 'absent' })
    const many = await Promise.allSettled(
      Array.from({ length: 8 }, async (_, n) => await state.put(`order/${n}`, n, { expect: 'absent' })),
    )
    expect(many.map(({ status }) => status)).toEqual(
      Array.from({ length: 8 }, (_, n) => (n === 3 ? 'rejected' : 'fulfilled')),
    )
    const values: unknown[] = []
    for await (const { value } of state.list('order/')) values.push(value)
    expect(values).toEqual([0, 1, 2, 'earlier', 4, 5, 6, 7])
  })

  it('loses no write of many that expect nothing', async () => {
    await Promise.all(Array.from({ length: 8 }, async (_, n) => await state.put('busy', n)))
    expect((await state.get('busy'))?.version).toBe(8)
  })

  it('ends when it expires, and may then be put anew', async () => {
    const expiresAt = new Date(services.clock.now().getTime() + 1000)
    await state.put('nonce', 'a', { expiresAt })
    expect(await state.get('nonce')).toBeDefined()
    services.clock.advance(1)
    expect(await state.get('nonce')).toBeUndefined()
    expect(await state.put('nonce', 'b', { expect: 'absent' })).toMatchObject({ version: 1 })
    await services.store.connectorState.removeExpired(services.clock.now())
    expect(await state.get('nonce')).toMatchObject({ value: 'b' })
  })

  it('is put anew where it has expired, and left alone at other instances', async () => {
    const at = services.clock.now()
    const expiresAt = new Date(at.getTime() + 1000)
    for (const instance of ['iss-one', 'iss-four'])
      await createRowStateStore(services, instance).put('both', instance, { expiresAt })
    const before = await services.store.connectorState.get('iss-four', 'both', at)
    services.clock.advance(1)
    await state.put('both', 'anew', { expect: 'absent' })
    expect(before).toBeDefined()
    expect(await services.store.connectorState.get('iss-four', 'both', at)).toEqual(before)
  })

  it('is put anew also where it is taken away meanwhile', async () => {
    for (let round = 0; round < 40; round++) {
      await state.put(`gone/${round}`, 'old', { expiresAt: new Date(services.clock.now().getTime() + 1000) })
      services.clock.advance(1)
      const [written] = await Promise.all([
        state.put(`gone/${round}`, 'new', { expect: 'absent' }),
        services.store.connectorState.removeExpired(services.clock.now()),
      ])
      expect(written).toMatchObject({ version: 1 })
    }
  })

  it('is listed by prefix in order, however much there is', async () => {
    for (let n = 0; n < 450; n++) await state.put(`item/${String(n).padStart(3, '0')}`, n)
    await state.put('item%', 'not below the prefix')
    const values: unknown[] = []
    for await (const { value } of state.list('item/')) values.push(value)
    expect(values).toEqual(Array.from({ length: 450 }, (_, n) => n))
  })

  it('is gone when it is deleted, and deleting again is no error', async () => {
    await state.delete('account')
    await state.delete('account')
    expect(await state.get('account')).toBeUndefined()
  })
})
