import { Secret } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { encryptionStatus } from '../../src/access/encryption-status.js'
import { reseal } from '../../src/access/reseal.js'
import { createSealing } from '../../src/access/sealing.js'
import type { TestServices } from '../postgres.js'
import { endAll, never, newer, older, rotatedWithout, start, stateOf } from './copies.js'

let first: TestServices
beforeEach(async () => {
  first = await start({ CERTCTL_CONFIG_ENCRYPTION_KEY: older }, 'server-first')
})
afterEach(endAll)

const lostKey = 'a key that nobody has any more, as of an older backup'
const alerts = async ({ store }: TestServices) =>
  (await store.events.page({ type: 'encryption_key.unopenable' }, { limit: 9, count: false })).rows

/** In front of all others: a secret of the server itself, sealed with a key that is gone. */
async function lose(services: TestServices, secret = lostKey, table = 'server_secrets'): Promise<void> {
  const value = createSealing([new Secret(secret)]).seal('{}', { table, id: 'aaa', column: 'value' })
  await services.store.serverSecrets.keepFirst({ name: 'aaa', value, created_at: services.clock.now() })
}

describe('values that cannot be opened', () => {
  it('keep no other from being sealed anew, nor the older key from being forgotten; each is named, and an alert tells of them', async () => {
    await lose(first)
    await stateOf(first).put('kept', 1)
    const { one, two } = await rotatedWithout(first)
    await reseal(two, never)
    expect(await encryptionStatus(one)).toMatchObject({
      state: 'resealing',
      remaining: { server_secrets: 1 },
      unopenable: ['server_secrets.value of "aaa"'],
    })
    one.clock.advance(61)
    await reseal(two, never)
    expect(await one.store.sealingKeys.list()).toHaveLength(1)
    expect((await encryptionStatus(one)).state).toBe('resealing')
    const after = await start({ CERTCTL_CONFIG_ENCRYPTION_KEY: newer }, 'server-after')
    expect((await stateOf(after).get('kept'))?.value).toBe(1)
    const told = await alerts(one)
    expect(told).toHaveLength(1)
    expect(told[0]?.title).toContain('CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS')
    expect(two.logged).toContainEqual(expect.objectContaining({ level: 50, names: ['server_secrets.value of "aaa"'] }))
  })

  it('are told of by a copy that was started without the key of some, and no more once it has it', async () => {
    await lose(first)
    await reseal(first, never)
    expect((await alerts(first)).map(({ resolved_at }) => resolved_at)).toEqual([null])
    const both = { CERTCTL_CONFIG_ENCRYPTION_KEY: older, CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS: lostKey }
    const found = await start(both, 'server-found')
    await reseal(found, never)
    expect((await alerts(first))[0]?.resolved_at).not.toBeNull()
    expect(await encryptionStatus(first)).toMatchObject({ state: 'settled', remaining_total: 0 })
  })

  it('with the older key, which does not open them either, do not make it stay', async () => {
    await lose(first, older, 'another_table')
    const { one, two } = await rotatedWithout(first)
    await reseal(two, never)
    one.clock.advance(61)
    await reseal(two, never)
    expect(await one.store.sealingKeys.list()).toHaveLength(1)
    expect((await encryptionStatus(one)).unopenable).toEqual(['server_secrets.value of "aaa"'])
  })

  it('are looked for seldom, also where a look does not come to its end', async () => {
    let looks = 0
    const others = async () => {
      looks += 1
      throw new Error('canceling statement due to statement timeout')
    }
    const sealedCells = Object.assign(Object.create(first.store.sealedCells), { others })
    const failing = {
      ...first,
      store: Object.assign(Object.create(first.store), { sealedCells }) as typeof first.store,
    }
    await expect(reseal(failing, never)).rejects.toThrow('statement timeout')
    first.clock.advance(15)
    await reseal(failing, never)
    expect(looks).toBe(1)
  })
})
