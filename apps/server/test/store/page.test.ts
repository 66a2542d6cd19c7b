import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { PageStart } from '../../src/store/page.js'
import { createTestServices, type TestServices } from '../postgres.js'

let services: TestServices
beforeAll(async () => {
  services = await createTestServices()
  const at = (n: number) => new Date(services.clock.now().getTime() + Math.floor(n / 7) * 1000)
  // Seven share each moment, so that the id has to decide.
  for (let n = 0; n < 60; n++)
    await services.store.apiKeys.insert({
      id: `key-${String((n * 37) % 60).padStart(3, '0')}`,
      name: `key ${n}`,
      key_hash: Buffer.from(`hash ${n}`),
      role: n % 3 === 0 ? 'viewer' : 'operator',
      owner: null,
      created_at: at(n),
      expires_at: null,
      last_used_at: null,
      revoked_at: null,
    })
})
afterAll(async () => await services.close())

describe('pages by cursor', () => {
  it('of any size show each row once, in the order of pages by offset', async () => {
    const table = services.store.apiKeys
    const all = (await table.page({}, { limit: 500, count: false })).rows.map((row) => row.id)
    expect(all).toHaveLength(60)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 70 }), async (limit) => {
        const ids: string[] = []
        for (let after: PageStart | undefined, more = true; more; ) {
          const page = await table.page({}, { limit, after, count: false })
          ids.push(...page.rows.map((row) => row.id))
          after = page.next
          more = after !== undefined
        }
        expect(ids).toEqual(all)
        const third = await table.page({}, { limit, offset: 2 * limit, count: false })
        expect(third.rows.map((row) => row.id)).toEqual(all.slice(2 * limit, 3 * limit))
      }),
      { numRuns: 25 },
    )
  })

  it('count what the filter leaves, and only when asked to', async () => {
    const page = await services.store.apiKeys.page({ role: 'viewer' }, { limit: 2, count: true })
    expect(page).toMatchObject({ total: 20, totalCapped: false })
    const uncounted = await services.store.apiKeys.page({ role: 'viewer' }, { limit: 2, count: false })
    expect(uncounted.total).toBeUndefined()
  })

  it('say that there is no more exactly at the end', async () => {
    expect((await services.store.apiKeys.page({}, { limit: 60, count: false })).next).toBeUndefined()
    expect((await services.store.apiKeys.page({}, { limit: 59, count: false })).next).toBeDefined()
  })
})
