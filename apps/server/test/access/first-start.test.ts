import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createApiKey, revokeApiKey } from '../../src/access/api-keys.js'
import { createFirstAdminKey } from '../../src/access/first-start.js'
import { systemActor } from '../../src/access/principal.js'
import { hashToken } from '../../src/access/token.js'
import { createTestServices, type TestDatabase, type TestServices, testDatabase } from '../postgres.js'
import { holdTransaction, untilBlocked } from '../races/steps.js'

let database: TestDatabase
let services: TestServices
let directory: string
beforeEach(async () => {
  database = await testDatabase()
  services = await createTestServices({ database })
  directory = await mkdtemp(join(tmpdir(), 'certctl-first-'))
})
afterEach(async () => {
  await services.close()
  await database.close()
  await rm(directory, { recursive: true })
})

describe('the first start', () => {
  it('writes one administrator key into a file for its owner only, and shows it once at a terminal', async () => {
    const shown: string[] = []
    const terminal = { write: (text: string) => shown.push(text) }
    const path = await createFirstAdminKey(services, { stateDirectory: directory, terminal })
    expect(path).toBe(join(directory, 'admin.key'))
    const key = (await readFile(path ?? '', 'utf8')).trim()
    expect(key).toMatch(/^cck_[\w-]{43}$/)
    expect((await stat(path ?? '')).mode & 0o777).toBe(0o600)
    expect(shown.join('')).toContain(key)
    const row = await services.store.apiKeys.findByHash(hashToken(key))
    expect(row).toMatchObject({ role: 'admin', name: 'first-admin' })
    expect(JSON.stringify(services.logged)).toContain('admin.key')
    expect(JSON.stringify(services.logged)).not.toContain(key)
  })

  it('makes nothing where an administrator key exists', async () => {
    await createApiKey(services, { name: 'boss', role: 'admin', actor: systemActor })
    expect(await createFirstAdminKey(services, { stateDirectory: directory })).toBeUndefined()
    await expect(stat(join(directory, 'admin.key'))).rejects.toThrow('ENOENT')
  })

  it('makes another one when the last administrator key has expired', async () => {
    const expiresAt = new Date(services.clock.now().getTime() + 60_000)
    await createApiKey(services, { name: 'first-admin', role: 'admin', expiresAt, actor: systemActor })
    services.clock.advance(61)
    expect(await createFirstAdminKey(services, { stateDirectory: directory })).toBeDefined()
  })

  it('writes the file before the row: a key whose row could not be written opens nothing, and the next start makes another', async () => {
    const { transaction } = services.store
    const store = services.store as { transaction: unknown }
    store.transaction = async () => {
      throw new Error('the power went off')
    }
    await expect(createFirstAdminKey(services, { stateDirectory: directory })).rejects.toThrow('the power went off')
    store.transaction = transaction
    const orphan = (await readFile(join(directory, 'admin.key'), 'utf8')).trim()
    await createFirstAdminKey(services, { stateDirectory: directory })
    const key = (await readFile(join(directory, 'admin.key'), 'utf8')).trim()
    expect(key).not.toBe(orphan)
    expect(await services.store.apiKeys.findByHash(hashToken(orphan))).toBeUndefined()
    expect(await services.store.apiKeys.findByHash(hashToken(key))).toBeDefined()
  })

  it('of two copies at once makes one key, and leaves no file that opens nothing', async () => {
    const other = await createTestServices({ database, serverId: 'server-two' })
    const second = await mkdtemp(join(tmpdir(), 'certctl-first-'))
    try {
      const paths = await Promise.all([
        createFirstAdminKey(services, { stateDirectory: directory }),
        createFirstAdminKey(other, { stateDirectory: second }),
      ])
      const [path] = paths.filter((each) => each !== undefined)
      expect(paths.filter((each) => each !== undefined)).toHaveLength(1)
      expect(
        await services.store.apiKeys.findByHash(hashToken((await readFile(path ?? '', 'utf8')).trim())),
      ).toBeDefined()
      const empty = path?.startsWith(directory) ? second : directory
      await expect(stat(join(empty, 'admin.key'))).rejects.toThrow('ENOENT')
    } finally {
      await other.close()
      await rm(second, { recursive: true })
    }
  })
})

describe('the last administrator key', () => {
  it('cannot be revoked, and any other can', async () => {
    const one = await createApiKey(services, { name: 'one', role: 'admin', actor: systemActor })
    await expect(revokeApiKey(services, { id: one.row.id, actor: systemActor })).rejects.toMatchObject({
      code: 'conflict',
    })
    const two = await createApiKey(services, { name: 'two', role: 'admin', actor: systemActor })
    await revokeApiKey(services, { id: one.row.id, actor: systemActor })
    await expect(revokeApiKey(services, { id: one.row.id, actor: systemActor })).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(revokeApiKey(services, { id: two.row.id, actor: systemActor })).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  it('is kept also where two are revoked at the same moment', async () => {
    const [one, two] = [
      await createApiKey(services, { name: 'one', role: 'admin', actor: systemActor }),
      await createApiKey(services, { name: 'two', role: 'admin', actor: systemActor }),
    ]
    const held = await holdTransaction(services, async (tx) => void (await tx.apiKeys.revoke(one.row.id, tx.now)))
    const second = revokeApiKey(services, { id: two.row.id, actor: systemActor })
    const refused = expect(second).rejects.toMatchObject({ code: 'conflict' })
    await Promise.race([untilBlocked(services), refused])
    await held.commit()
    await refused
  })
})
