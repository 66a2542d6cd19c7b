import { createHash } from 'node:crypto'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyExport } from '@certctl/api'
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type Kysely, sql } from 'kysely'
import { appendEntry } from '../../src/audit/append.js'
import { takeCheckpoint } from '../../src/audit/checkpoint.js'
import { exportAudit } from '../../src/audit/export.js'
import { auditSigningKey, keyIdOf, verifySignature } from '../../src/audit/signing-key.js'
import { verifyRecord } from '../../src/audit/verify.js'
import { auditVerification } from '../../src/schedule/audit-verification.js'
import { type Database, openDatabase } from '../../src/store/database.js'
import type { Schema } from '../../src/store/schema.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { until } from '../races/steps.js'

describe('the record in the database', () => {
  let services: TestServices
  let database: Database
  let db: Kysely<Schema>
  const folder = mkdtempSync(join(tmpdir(), 'cct-audit-'))
  const file = join(folder, 'checkpoints.jsonl')

  beforeEach(async () => {
    services = await createTestServices({ environment: { CERTCTL_AUDIT_CHECKPOINT_FILE: file } })
    database = openDatabase({ address: services.database.address, maxConnections: 20 })
    db = database.db
  })
  afterEach(async () => {
    await database.close()
    await services.close()
    rmSync(file, { force: true })
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const append = async (resource_id: string) =>
    await appendEntry(services, {
      actor: { type: 'User', id: 'key-1', name: 'alice' },
      action: 'certificate.created',
      resource_type: 'certificate',
      resource_id,
      details: { note: resource_id },
    })
  const appendMany = async (count: number, from = 0) =>
    await Promise.all(Array.from({ length: count }, async (_, index) => await append(`c-${from + index}`)))
  const idOf = async (resource_id: string) =>
    (await services.store.auditEvents.list({ resource_id }, { limit: 1 }))[0]?.id ?? ''
  const fault = async () => (await verifyRecord(services)).fault

  it('verifies while it grows, over more batches than one slice holds', async () => {
    await sql`delete from audit_heads where head > 0`.execute(db)
    for (let round = 0; round < 5; round++) await appendMany(50, 50 * round)
    await takeCheckpoint(services)
    const [verdict] = await Promise.all([verifyRecord(services), appendMany(20, 1000)])
    expect(verdict).toMatchObject({ ok: true, checkpoints: 1 })
    expect(verdict.entries).toBeGreaterThanOrEqual(250)
    expect(await verifyRecord(services)).toMatchObject({ ok: true, entries: 270, batches: 270 })
  })

  it('is told of once for each thing that was altered, also when it takes no entries any more', async () => {
    await sql`delete from audit_heads where head > 0`.execute(db)
    for (const each of ['c-1', 'c-2', 'c-3']) await append(each)
    const never = new AbortController().signal
    const told = async () => {
      for (let times = 0; times < 2; times++) await auditVerification.run(services, never)
      const { rows } = await services.store.events.page({ type: 'audit.broken' }, { limit: 50, count: false })
      return rows.length
    }
    const alter = async (resource: string, from: string, to: string) =>
      await sql`update audit_events set canonical = replace(canonical, ${from}, ${to}) where resource_id = ${resource}`.execute(
        db,
      )
    await alter('c-2', 'alice', 'mallory')
    expect(await told()).toBe(1)
    await alter('c-2', 'mallory', 'alice')
    await alter('c-3', 'alice', 'mallory')
    expect(await told()).toBe(2)
    await alter('c-3', 'mallory', 'alice')
    await sql`update audit_heads set batch = batch - 1`.execute(db)
    expect(await told()).toBe(3)
  })

  it('gives an entry away whose text, columns, place or time was changed', async () => {
    await appendMany(5)
    const id = await idOf('c-3')
    const changes = [
      sql`update audit_events set canonical = replace(canonical, 'alice', 'mallory') where id = ${id}`,
      sql`update audit_events set actor = 'mallory' where id = ${id}`,
      sql`update audit_events set action = 'certificate.deleted' where id = ${id}`,
      sql`update audit_events set resource_id = 'c-9' where id = ${id}`,
      sql`update audit_events set at = at + interval '1 hour' where id = ${id}`,
      sql`update audit_events set canonical = replace(canonical, 'alice', 'mallory'), actor = 'mallory' where id = ${id}`,
    ]
    for (const change of changes) {
      const before = await sql<object>`select * from audit_events where id = ${id}`.execute(db)
      await change.execute(db)
      expect(await fault()).toMatchObject({ kind: 'changed', entry_id: id })
      await sql`delete from audit_events where id = ${id}`.execute(db)
      await db
        .insertInto('audit_events')
        .values(before.rows as never)
        .execute()
      expect(await fault()).toBeUndefined()
    }
  })

  it('gives away who changes an entry together with all its hashes in its own row', async () => {
    await appendMany(3)
    const id = await idOf('c-1')
    const [row] = await services.store.auditEvents.list({ resource_id: 'c-1' }, { limit: 1 })
    const canonical = (row?.canonical ?? '').replaceAll('alice', 'mallory')
    const hash = createHash('sha256')
      .update(Buffer.concat([Buffer.of(0), Buffer.from(canonical)]))
      .digest()
    await sql`update audit_events set canonical = ${canonical}, leaf_hash = ${hash}, actor = 'mallory' where id = ${id}`.execute(
      db,
    )
    expect(await fault()).toMatchObject({ kind: 'changed', entry_id: id })
  })

  it('misses an entry that was removed, with or without its batch', async () => {
    await services.store.transaction(async (tx) => {
      for (const resource_id of ['one', 'two', 'three'])
        tx.audit.append({
          actor: { type: 'System', id: 's', name: 's' },
          action: 'a.b',
          resource_type: 'r',
          resource_id,
        })
    })
    await append('after')
    await sql`delete from audit_events where resource_id = 'two'`.execute(db)
    expect(await fault()).toMatchObject({
      kind: 'removed',
      leaf: 1,
      message: expect.stringContaining('Entry 1 of batch 1'),
    })
    await sql`delete from audit_events where batch = 1 and head = 0`.execute(db)
    await sql`delete from audit_batches where batch = 1 and head = 0`.execute(db)
    expect(await fault()).toMatchObject({ kind: 'removed', head: 0, batch: 1 })
  })

  it('names an entry that was put into a batch, or beside all batches', async () => {
    await appendMany(2)
    const [row] = (await sql<{ head: number; batch: string }>`select head, batch from audit_events limit 1`.execute(db))
      .rows
    const stray = (head: number, batch: string, leaf: number) => sql`
      insert into audit_events (id, head, batch, leaf, leaf_hash, canonical, actor, actor_type, action, resource_type, resource_id, at)
      values ('audit-stray', ${head}, ${batch}, ${leaf}, '', '{"id":"audit-stray"}', '', '', '', '', '', now())`
    await stray(row?.head ?? 0, row?.batch ?? '1', 1).execute(db)
    expect(await fault()).toMatchObject({ entry_id: 'audit-stray' })
    await sql`delete from audit_events where id = 'audit-stray'`.execute(db)
    await sql`alter table audit_events drop constraint audit_events_head_batch_fkey`.execute(db)
    await stray(7, '70', 0).execute(db)
    expect(await fault()).toMatchObject({ kind: 'added', entry_id: 'audit-stray' })
  })

  it('misses everything after a truncate, by its heads; and by its checkpoints when the heads were set back too', async () => {
    await appendMany(4)
    await takeCheckpoint(services)
    await sql`truncate audit_events, audit_batches`.execute(db)
    expect(await fault()).toMatchObject({ kind: 'removed' })
    await sql`update audit_heads set batch = 0, hash = decode(repeat('00', 32), 'hex')`.execute(db)
    expect(await fault()).toMatchObject({ kind: 'removed', message: expect.stringContaining('checkpoint 1') })
  })

  it('misses what a truncate of the checkpoints hid, by the file that was kept outside', async () => {
    await appendMany(4)
    await takeCheckpoint(services)
    await sql`truncate audit_events, audit_batches, audit_checkpoints`.execute(db)
    await sql`update audit_heads set batch = 0, hash = decode(repeat('00', 32), 'hex')`.execute(db)
    expect(await fault()).toMatchObject({ kind: 'removed', message: expect.stringContaining('kept outside') })
    rmSync(file)
    expect(await fault()).toBeUndefined()
  })

  it('has links that are checked where nothing else reads them', async () => {
    await appendMany(2)
    await sql`update audit_batches set root = previous`.execute(db)
    expect(await fault()).toMatchObject({ kind: 'changed', message: expect.stringContaining('link') })
  })

  it('is exported so that anybody can check it, without the database', async () => {
    for (let round = 0; round < 3; round++) {
      await appendMany(8, 8 * round)
      await takeCheckpoint(services)
    }
    const lines: string[] = []
    for await (const line of exportAudit(services)) lines.push(line)
    const { keyId } = await auditSigningKey(services)
    const tools = {
      sha256: (bytes: Uint8Array) => createHash('sha256').update(bytes).digest(),
      keyIdOf,
      verifySignature,
      trustedKeyIds: [keyId],
    }
    const verdict = async (given: readonly string[]) => await verifyExport(each(given), tools)
    expect(await verdict(lines)).toMatchObject({ ok: true, entries: 24, checkpoints: 3, key_ids: [keyId] })
    // With what is behind it in its text: an id may have these letters inside.
    const [told, other] = ['c-11\\"', 'c-99\\"']
    expect(lines.filter((line) => line.includes(told))).toHaveLength(1)
    expect((await verdict(lines.map((line) => line.replace(told, other)))).fault).toMatchObject({ kind: 'changed' })
    expect((await verdict(lines.filter((line) => !line.includes(told)))).fault).toMatchObject({ kind: 'removed' })
  })

  it('lets go of its snapshot when whoever exports goes away', async () => {
    await appendMany(3)
    for await (const _line of exportAudit(services)) break
    await until(async () => {
      const { rows } =
        await sql`select 1 from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`.execute(
          db,
        )
      return rows.length === 0
    })
  })

  describe('its checkpoints', () => {
    it('are signed for every state once, by whichever copy comes first, and linked', async () => {
      expect(await takeCheckpoint(services)).toBe(false)
      await append('c-1')
      const taken = await Promise.all([takeCheckpoint(services), takeCheckpoint(services), takeCheckpoint(services)])
      expect(taken.filter((done) => done)).toHaveLength(1)
      await append('c-2')
      expect(await takeCheckpoint(services)).toBe(true)
      const rows = await services.store.auditCheckpoints.slice('0', 10)
      expect(rows.map(({ canonical }) => JSON.parse(canonical).sequence)).toEqual([1, 2])
      expect(JSON.parse(rows[1]?.canonical ?? '').previous).toBe(
        createHash('sha256')
          .update(rows[0]?.canonical ?? '')
          .digest('hex'),
      )
    })

    it('are in the file before they are in the database, readable by their owner only', async () => {
      await append('c-1')
      await takeCheckpoint(services)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const lines = readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
      expect(lines.map((line) => JSON.parse(line).kind)).toEqual(['checkpoint'])
    })

    it('are not taken when the file cannot be written: neither copy, and the next try brings both', async () => {
      await append('c-1')
      const elsewhere = {
        ...services,
        config: { ...services.config, audit_checkpoint_file: join(folder, 'no', 'such', 'folder') },
      }
      await expect(takeCheckpoint(elsewhere)).rejects.toThrow('could not be written')
      expect(await services.store.auditCheckpoints.newest()).toBeUndefined()
      expect(await takeCheckpoint(services)).toBe(true)
    })

    it('survive a line that a crash tore: the next one stands on a line of its own, and the record still verifies', async () => {
      await append('c-1')
      await takeCheckpoint(services)
      appendFileSync(file, '{"kind":"checkpoint","canon')
      await append('c-2')
      await takeCheckpoint(services)
      expect(await verifyRecord(services)).toMatchObject({ ok: true, checkpoints: 2 })
      await sql`truncate audit_checkpoints`.execute(db)
      await sql`update audit_heads set hash = decode(repeat('11', 32), 'hex') where batch > 0`.execute(db)
      expect((await verifyRecord(services)).ok).toBe(false)
    })

    it('that were altered outside are refused', async () => {
      await append('c-1')
      await takeCheckpoint(services)
      writeFileSync(file, readFileSync(file, 'utf8').replace('\\"batch\\":1', '\\"batch\\":2'))
      expect(await fault()).toMatchObject({ message: expect.stringContaining('signature') })
    })

    it('are signed with one key for all copies, which never lies open in the database', async () => {
      const keys = await Promise.all([1, 2, 3].map(async () => (await auditSigningKey(services)).keyId))
      expect(new Set(keys).size).toBe(1)
      expect((await services.store.serverSecrets.find('audit-signing-key'))?.includes('PRIVATE KEY')).toBe(false)
    })
  })
})

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}
