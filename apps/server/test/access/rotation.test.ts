import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { encryptionStatus } from '../../src/access/encryption-status.js'
import { finishRotation } from '../../src/access/finish-rotation.js'
import { followSealingKey } from '../../src/access/follow-sealing-key.js'
import { checkSealingKey } from '../../src/access/key-check.js'
import { openSealing } from '../../src/access/open-sealing.js'
import { systemActor } from '../../src/access/principal.js'
import { reseal } from '../../src/access/reseal.js'
import { rotateEncryptionKey } from '../../src/access/rotate-encryption-key.js'
import { keyIdOf } from '../../src/access/sealing.js'
import { readConfig } from '../../src/config.js'
import { createRowStateStore } from '../../src/connectors/row-state-store.js'
import { openDatabase } from '../../src/store/database.js'
import { sealedColumns } from '../../src/store/sealed-cells.js'
import type { TestServices } from '../postgres.js'
import { until } from '../races/steps.js'
import { both, end, endAll, never, newer, older, rotatedWithout, start, stateOf } from './copies.js'

let first: TestServices
beforeEach(async () => {
  first = await start({ CERTCTL_CONFIG_ENCRYPTION_KEY: older }, 'server-first')
})
afterEach(endAll)

const fill = async (services: TestServices, count: number) => {
  for (let index = 0; index < count; index += 1) await stateOf(services).put(`key-${index}`, { index })
}
const rotated = async () => await rotatedWithout(first)

describe('the encryption key is replaced', () => {
  it('with two copies that work on: both read all the time, and in the end the old key opens nothing', async () => {
    await fill(first, 3)
    const [one, two] = [await start(both, 'server-one'), await start(both, 'server-two')]
    // Not yet: the copy of before is still there, and reads what they write.
    await stateOf(two).put('early', 'yes')
    expect((await stateOf(first).get('early'))?.value).toBe('yes')
    await end(first)
    expect((await encryptionStatus(one)).state).toBe('prepared')

    const following = followSealingKey(two)
    await rotateEncryptionKey(one, systemActor)
    await until(async () => two.sealing.keyId === one.sealing.keyId)
    following.stop()
    await stateOf(two).put('late', 'yes')
    expect(await encryptionStatus(one)).toMatchObject({ state: 'resealing', remaining: { connector_state: 4 } })

    await reseal(two, never)
    expect(await encryptionStatus(one)).toMatchObject({ state: 'resealing', remaining: {}, remaining_total: 0 })
    for (const copy of [one, two])
      for (const [key, value] of [
        ['early', 'yes'],
        ['late', 'yes'],
        ['key-2', { index: 2 }],
      ] as const)
        expect((await stateOf(copy).get(key))?.value).toEqual(value)
    one.clock.advance(61)
    await reseal(two, never)
    expect((await encryptionStatus(one)).state).toBe('settled')

    const after = await start({ CERTCTL_CONFIG_ENCRYPTION_KEY: newer }, 'server-after')
    expect((await stateOf(after).get('key-1'))?.value).toEqual({ index: 1 })
    const entries = await one.store.auditEvents.list({ resource_type: 'encryption_key' }, { limit: 9 })
    expect(entries.map(({ action }) => action).sort()).toEqual(['encryption_key.resealed', 'encryption_key.rotated'])
  })

  it('only when every living copy has the next one, and names those that have not', async () => {
    const one = await start(both, 'server-one')
    await expect(rotateEncryptionKey(one, systemActor)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('server-first'),
    })
    expect((await encryptionStatus(one)).state).toBe('prepared')
  })

  it('only where there is a next one', async () => {
    await expect(rotateEncryptionKey(first, systemActor)).rejects.toThrow('CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS')
  })

  it('and goes on where a copy was killed in the middle', async () => {
    await fill(first, 450)
    const { one, two } = await rotated()
    const killed = new AbortController()
    const { replace } = one.store.sealedCells
    let done = 0
    one.store.sealedCells.replace = async (...cell) => {
      await replace(...cell)
      done += 1
      if (done === 250) throw new Error('killed here')
    }
    await expect(reseal(one, killed.signal)).rejects.toThrow('killed here')
    const { remaining_total: left } = await encryptionStatus(two)
    expect(left).toBeGreaterThan(100)
    expect(left).toBeLessThan(450)
    await reseal(two, never)
    expect((await encryptionStatus(two)).remaining_total).toBe(0)
    expect((await stateOf(two).get('key-449'))?.value).toEqual({ index: 449 })
  })

  it('without losing what is written meanwhile', async () => {
    await fill(first, 1)
    const { one, two } = await rotated()
    const { others } = one.store.sealedCells
    one.store.sealedCells.others = async (column, page) => {
      const cells = await others(column, page)
      if (column.table === 'connector_state' && cells.length > 0) await stateOf(two).put('key-0', 'newer')
      return cells
    }
    await reseal(one, never)
    expect((await stateOf(one).get('key-0'))?.value).toBe('newer')
  })

  it('and a copy without the old key is refused while something is sealed with it, and told how much', async () => {
    await fill(first, 2)
    await rotated()
    await expect(start({ CERTCTL_CONFIG_ENCRYPTION_KEY: newer }, 'server-hasty')).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/^\d+ values are still sealed with the encryption key [0-9a-f]{16}/),
    })
  })

  it('and copies with the old key alone, or with a wrong one, are refused', async () => {
    await rotated()
    await expect(start({ CERTCTL_CONFIG_ENCRYPTION_KEY: older }, 'server-late')).rejects.toThrow(
      'which this server was not given',
    )
    const wrong = 'a key that was never one of this database at all'
    await expect(start({ CERTCTL_CONFIG_ENCRYPTION_KEY: wrong }, 'server-wrong')).rejects.toMatchObject({
      code: 'config_invalid',
    })
    await expect(
      start({ CERTCTL_CONFIG_ENCRYPTION_KEY: newer, CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS: wrong }, 'server-wrong-2'),
    ).rejects.toThrow('values are still sealed')
  })

  it('by a file where the server has its own database', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cct-rotate-'))
    const config = { ...readConfig({ CERTCTL_STATE_DIR: folder }), config_encryption_key: undefined }
    const services = { ...first, config, sealing: openSealing(config) }
    await sql`delete from sealing_keys`.execute(openDatabaseOf(first))
    for (const { table } of sealedColumns) await sql`delete from ${sql.table(table)}`.execute(openDatabaseOf(first))
    await checkSealingKey(services.store, services.sealing)
    await createRowStateStore(services, 'iss-test').put('a', 1)
    const before = readFileSync(join(folder, 'encryption.key'), 'utf8')
    await rotateEncryptionKey(services, systemActor)
    expect(readFileSync(join(folder, 'encryption.key'), 'utf8')).toBe(before)

    // As after a crash: both files are there, and both open.
    const again = { ...services, sealing: openSealing(config) }
    await checkSealingKey(again.store, again.sealing)
    expect(again.sealing.keyId).toBe(services.sealing.keyId)
    await reseal(again, never)
    first.clock.advance(61)
    await reseal(again, never)
    expect(existsSync(join(folder, 'encryption.key.next'))).toBe(false)
    const after = { ...services, sealing: openSealing(config) }
    await checkSealingKey(after.store, after.sealing)
    expect(readFileSync(join(folder, 'encryption.key'), 'utf8')).not.toBe(before)
    expect((await createRowStateStore(after, 'iss-test').get('a'))?.value).toBe(1)
    rmSync(folder, { recursive: true })
  })
})

describe('a rotation by a file that was cut off before the next file took the place of the first', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cct-rotate-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const isThere = (name: string) => existsSync(join(folder, name))
  const config = () => ({ ...readConfig({ CERTCTL_STATE_DIR: folder }), config_encryption_key: undefined })

  /** As it starts: with the keys of the folder. */
  async function started(): Promise<TestServices> {
    const services = { ...first, config: config(), sealing: openSealing(config()) }
    await checkSealingKey(services.store, services.sealing)
    await finishRotation(services.store, services.sealing, config())
    return services
  }

  async function rotatedByFile(): Promise<TestServices> {
    await sql`delete from sealing_keys`.execute(openDatabaseOf(first))
    for (const { table } of sealedColumns) await sql`delete from ${sql.table(table)}`.execute(openDatabaseOf(first))
    const services = await started()
    await createRowStateStore(services, 'iss-test').put('a', 1)
    await rotateEncryptionKey(services, systemActor)
    return services
  }

  it.each(['at once', 'after a start of an older version'])('is finished at the next start, %s', async (when) => {
    const services = await rotatedByFile()
    const [old, next] = services.sealing.keyIds()
    await reseal(services, never)
    await first.store.sealingKeys.remove(String(old))
    // An older version took the key of the first file for one that is to follow.
    if (when !== 'at once') await checkSealingKey(first.store, openSealing(config()))

    const again = await started()
    expect(isThere('encryption.key.next')).toBe(false)
    expect((await encryptionStatus(again)).state).toBe('settled')
    expect((await first.store.sealingKeys.list()).map(({ id }) => id)).toEqual([next])
    const later = await started()
    expect(later.sealing.keyIds()).toEqual([next])
    expect((await createRowStateStore(later, 'iss-test').get('a'))?.value).toBe(1)
    await rotateEncryptionKey(later, systemActor)
    expect((await encryptionStatus(later)).state).toBe('resealing')
  })

  it('is left alone where it is not that far', async () => {
    const services = await rotatedByFile()
    const [old] = services.sealing.keyIds()
    await reseal(services, never)
    // Nothing is sealed with it, and a copy that has not heard of the other may still write.
    expect((await encryptionStatus(await started())).state).toBe('resealing')
    expect(isThere('encryption.key.next')).toBe(true)

    services.sealing.use(String(old))
    await createRowStateStore(services, 'iss-test').put('b', 1)
    await first.store.sealingKeys.remove(String(old))
    await started()
    expect(isThere('encryption.key.next')).toBe(true)
  })
})

describe('the list of sealed columns', () => {
  /** Hashes, certificates and signatures: nothing that anybody sealed. */
  const plain = new Set([
    'api_keys.key_hash',
    'agents.key_hash',
    'join_tokens.token_hash',
    'version_ders.der',
    'discovered_certificates.der',
    'idempotency_keys.request_hash',
    'audit_heads.hash',
    'audit_batches.root',
    'audit_batches.previous',
    'audit_batches.hash',
    'audit_events.leaf_hash',
    'audit_checkpoints.signature',
    'sealing_keys.check_value',
  ])

  it('has every column of bytes that is not known to be plain', async () => {
    const { rows } = await sql<{ place: string }>`
      select table_name || '.' || column_name as place from information_schema.columns
      where table_schema = 'public' and data_type = 'bytea'`.execute(openDatabaseOf(first))
    const listed = sealedColumns.map(({ table, column }) => `${table}.${column}`)
    const missing = rows.map(({ place }) => place).filter((place) => !plain.has(place) && !listed.includes(place))
    expect(missing).toEqual([])
  })

  it('names the key that a value was sealed with', async () => {
    const place = { table: 't', id: 'i', column: 'c' }
    expect(keyIdOf(first.sealing.seal('x', place))).toBe(first.sealing.keyId)
  })
})

function openDatabaseOf(services: TestServices) {
  const { db } = openDatabase({ address: services.database.address, maxConnections: 1 })
  return db
}
