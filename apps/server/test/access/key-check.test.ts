import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@certctl/core'
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { checkSealingKey, refuseOtherSealingKey } from '../../src/access/key-check.js'
import { createSealing } from '../../src/access/sealing.js'
import { generatedSealingKey } from '../../src/access/sealing-key.js'
import { type Database, openDatabase } from '../../src/store/database.js'
import { migrate } from '../../src/store/migrate.js'
import { createStore, type Store } from '../../src/store/store.js'
import { type TestDatabase, testDatabase } from '../postgres.js'

const ours = createSealing([new Secret('the key that this database has known from the start')])
const another = createSealing([new Secret('another key, as of a copy that was set up wrongly')])

describe('the key check', () => {
  let test: TestDatabase
  let database: Database
  let store: Store

  beforeEach(async () => {
    test = await testDatabase()
    database = openDatabase({ address: test.address, maxConnections: 10 })
    store = createStore({ db: database.db, clock: { now: () => new Date('2026-11-25T12:00:00Z') } })
  })
  afterEach(async () => {
    await database.close()
    await test.close()
  })

  it('lets the same key in again and again, and leaves one row', async () => {
    await checkSealingKey(store, ours)
    await checkSealingKey(store, ours)
    await refuseOtherSealingKey(store, ours)
    expect(await store.sealingKeys.list()).toHaveLength(1)
  })

  it('stops a copy with another key before it has written anything', async () => {
    await checkSealingKey(store, ours)
    await expect(refuseOtherSealingKey(store, another)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('CERTCTL_CONFIG_ENCRYPTION_KEY'),
    })
    await expect(checkSealingKey(store, another)).rejects.toMatchObject({ code: 'config_invalid' })
    expect(await store.sealingKeys.list()).toHaveLength(1)
  })

  it('lets exactly one of two keys in when both start at once on an empty database', async () => {
    const outcomes = await Promise.allSettled(
      [ours, another].map(async (sealing) => await checkSealingKey(store, sealing)),
    )
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await store.sealingKeys.list()).toHaveLength(1)
  })

  it('has nothing against a database without tables, and finds its row after they were made', async () => {
    const empty = await testDatabase({ empty: true })
    const fresh = openDatabase({ address: empty.address, maxConnections: 2 })
    const freshStore = createStore({ db: fresh.db, clock: { now: () => new Date(0) } })
    await refuseOtherSealingKey(freshStore, ours)
    await migrate({ db: fresh.db, now: () => new Date(0) })
    await checkSealingKey(freshStore, ours)
    await expect(refuseOtherSealingKey(freshStore, another)).rejects.toMatchObject({ code: 'config_invalid' })
    await fresh.close()
    await empty.close()
  })

  it('is not fooled by a row that was copied from elsewhere', async () => {
    await checkSealingKey(store, ours)
    await sql`update sealing_keys set id = ${another.keyId}`.execute(database.db)
    await expect(refuseOtherSealingKey(store, another)).rejects.toThrow('cannot be opened')
  })
})

describe('the generated key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cct-key-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('is made once, for its owner alone, and found again', () => {
    chmodSync(folder, 0o711)
    const first = generatedSealingKey(folder).reveal()
    expect(Buffer.from(first, 'base64url')).toHaveLength(32)
    expect(generatedSealingKey(folder).reveal()).toBe(first)
    expect(statSync(join(folder, 'encryption.key')).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['encryption.key'])
    expect(readFileSync(join(folder, 'encryption.key'), 'utf8')).toBe(`${first}\n`)
  })
})
