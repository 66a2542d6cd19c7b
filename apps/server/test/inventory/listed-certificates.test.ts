import { certificateListItemSchema, certificateStatuses } from '@certctl/api'
import { formatGeneralName } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Kysely, sql } from 'kysely'
import { certificateView } from '../../src/inventory/certificate-view.js'
import { type CertificateListing, listCertificates } from '../../src/inventory/list-certificates.js'
import { matchingCertificateIds } from '../../src/store/certificate-list.js'
import { type Database, openDatabase } from '../../src/store/database.js'
import type { PageStart } from '../../src/store/page.js'
import type { Schema } from '../../src/store/schema.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { untilBlocked } from '../races/steps.js'
import { createRandomInventory, type RandomInventory } from './random-inventory.js'

let services: TestServices
let database: Database
let db: Kysely<Schema>
let inventory: RandomInventory

beforeAll(async () => {
  services = await createTestServices()
  database = openDatabase({ address: services.database.address, maxConnections: 6 })
  db = database.db
  inventory = await createRandomInventory(db, { seed: 7, count: 60, now: services.clock.now() })
  for (let step = 0; step < 400; step++) await inventory.change()
})
afterAll(async () => {
  await database.close()
  await services.close()
})

type Item = Record<string, unknown> & { id: string }
const now = () => services.clock.now()
const view = async (id: string): Promise<Item> => {
  const row = await services.store.certificateList.get(id, now())
  if (row === undefined) throw new Error(`no ${id}`)
  return certificateView(row) as unknown as Item
}
const parsed = (items: string): Item[] => JSON.parse(`[${items}]`) as Item[]
const all = async (listing: Partial<CertificateListing> = {}): Promise<Item[]> =>
  parsed((await listCertificates(services, { filter: {}, request: { limit: 500, count: false }, ...listing })).items)
const ids = async (filter: CertificateListing['filter']): Promise<string[]> =>
  (await all({ filter })).map(({ id }) => id).toSorted()

/** Rows of lists that are not what the rows themselves say. */
async function wrongRows(): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select f.id from certificate_facts f full join listed_certificates l on l.id = f.id
    where (f.name, f.common_name, f.environment, f.owner_id, f.team_id, f.issuer_id, f.certificate_profile_id, f.standing, f.expires_at,
      f.expiring_at, f.renew_at, f.last_renewal_at, f.last_deployment_at, f.revoked_at, f.revocation_reason, f.serial_number, f.fingerprint,
      f.holder_count, f.target_ids, f.created_at, f.updated_at) is distinct from (l.name, l.common_name, l.environment, l.owner_id, l.team_id,
      l.issuer_id, l.certificate_profile_id, l.standing, l.expires_at, l.expiring_at, l.renew_at, l.last_renewal_at, l.last_deployment_at,
      l.revoked_at, l.revocation_reason, l.serial_number, l.fingerprint, l.holder_count, l.target_ids, l.created_at, l.updated_at)`.execute(
    db,
  )
  return rows.map(({ id }) => id)
}

describe('rows of lists', () => {
  it('are what certificates, holders, versions, placements and jobs say, whoever wrote those', async () => {
    expect(await wrongRows()).toEqual([])
    const { rows: tags } = await sql`select id, key, value from certificates, jsonb_each_text(tags)
      except select certificate_id, key, value from certificate_tags join listed_certificates l
        on l.id = certificate_id and l.expires_at = certificate_tags.expires_at and l.standing = certificate_tags.standing
        and l.team_id is not distinct from certificate_tags.team_id`.execute(db)
    expect(tags).toEqual([])
    const { rows: stale } =
      await sql`select certificate_id from certificate_names n join listed_certificates l on l.id = n.certificate_id
      where n.expires_at <> l.expires_at union all
      select certificate_id from searched_names s join listed_certificates l on l.id = s.certificate_id where s.expires_at <> l.expires_at`.execute(
        db,
      )
    expect(stale).toEqual([])
    expect(await services.store.dailyCounts.reconcile(now())).toBe(0)
  })

  it('are right after two transactions changed one certificate side by side', async () => {
    const [id = ''] = inventory.ids
    let other: Promise<void> = Promise.resolve()
    await db.transaction().execute(async (tx) => {
      await sql`update certificates set archived_at = null, team_id = 't-side' where id = ${id}`.execute(tx)
      await sql`set constraints all immediate`.execute(tx)
      other = db.transaction().execute(async (second) => {
        await sql`update holders set failures = failures + 1, renew_at = '2030-01-01' where certificate_id = ${id}`.execute(
          second,
        )
        await sql`set constraints all immediate`.execute(second)
      })
      await untilBlocked(services)
    })
    await other
    expect(await ids({ teamId: 't-side' })).toEqual([id])
    expect(await wrongRows()).toEqual([])
    expect(await services.store.dailyCounts.reconcile(now())).toBe(0)
  })

  it('are right after a statement that touches more certificates than one text of ids holds', async () => {
    await sql`update certificates set updated_at = updated_at + interval '1 second'`.execute(db)
    const many = Array.from({ length: 1500 }, (_, index) => `many-certificates-${index}`)
    await sql`insert into certificates (id, name, names, issuer_id, created_at, updated_at)
      select id, id, '[]', 'iss-1', ${now()}, ${now()} from unnest(${many}::text[]) as id`.execute(db)
    expect(await wrongRows()).toEqual([])
    await sql`delete from certificates where id like 'many-%'`.execute(db)
    expect(await wrongRows()).toEqual([])
    expect(await services.store.dailyCounts.reconcile(now())).toBe(0)
  })

  it('keep nothing of a transaction that was rolled back', async () => {
    const [id = ''] = inventory.ids
    const rolledBack = db.transaction().execute(async (tx) => {
      await sql`update certificates set team_id = 't-never' where id = ${id}`.execute(tx)
      throw new Error('no')
    })
    await expect(rolledBack).rejects.toThrow('no')
    expect(await ids({ teamId: 't-never' })).toEqual([])
    expect(await wrongRows()).toEqual([])
  })

  it('are repaired, and the repair counted, where they were made wrong behind the back of the database', async () => {
    await sql`update listed_certificates set standing = 'failed', expires_at = 'infinity' where id = ${inventory.ids[3]}`.execute(
      db,
    )
    await sql`update daily_counts set n = n + 5 where question = 'placements'`.execute(db)
    await sql`insert into count_changes (question, day, word, subject, n) values ('expires', '2026-12-01', 'issued', '', 3)`.execute(
      db,
    )
    let wrong = 0
    for (let after: string | undefined = ''; after !== undefined; ) {
      const batch: { last?: string | undefined; wrong: number } = await services.store.dailyCounts.reconcileListed(
        after,
        7,
      )
      wrong += batch.wrong
      after = batch.last
    }
    expect(wrong).toBe(1)
    expect(await wrongRows()).toEqual([])
    expect(await services.store.dailyCounts.reconcile(now())).toBeGreaterThan(0)
    expect(await services.store.dailyCounts.reconcile(now())).toBe(0)
  })
})

describe('a name', () => {
  it('is written by the database as by the server, also where its type is not the usual one of such a text', async () => {
    const texts = [
      'abc',
      'www.example.com',
      '*.a_b.example',
      '10.0.0.1',
      'a@b.c',
      'uri:x',
      'urn:x',
      '::1',
      '1.2',
      'DNS:a',
    ]
    const names = (['dns', 'ip', 'email', 'uri'] as const).flatMap((type) => texts.map((value) => ({ type, value })))
    const { rows } = await sql<{ written: string }>`select written_name(n ->> 'type', n ->> 'value') as written
      from jsonb_array_elements(${JSON.stringify(names)}::jsonb) with ordinality as given (n, place) order by place`.execute(
      db,
    )
    expect(rows.map(({ written }) => written)).toEqual(names.map(formatGeneralName))
  })
})

describe('a list', () => {
  it('has the very text that one certificate has, as the contract says it', async () => {
    const items = [...(await all()), ...(await all({ filter: { status: 'Archived' } }))]
    expect(items.map(({ id }) => id).toSorted()).toEqual([...inventory.ids])
    for (const item of items) {
      expect(certificateListItemSchema.safeParse(item).error).toBeUndefined()
      expect(item).toEqual(await view(item.id))
    }
    expect(new Set(items.map(({ status }) => status)).size).toBeGreaterThan(5)
  })

  it('has it, whole and in part, also of rows that have no text of their own yet, which the daily look gives them', async () => {
    const before = await all()
    await sql`update listed_certificates set item = null`.execute(db)
    expect(await all()).toEqual(before)
    const some = { fields: ['name', 'sans', 'status'] }
    const parts = await all(some)
    expect(parts).toEqual(before.map(({ id, name, sans, status }) => ({ id, name, sans, status })))
    expect(await services.store.dailyCounts.reconcileListed('', 1000)).toMatchObject({ wrong: 0 })
    const { rows } = await sql`select id from listed_certificates where item is null`.execute(db)
    expect(rows).toEqual([])
    expect(await all(some)).toEqual(parts)
    expect(await services.store.dailyCounts.reconcile(now())).toBe(0)
  })

  it('is right at once when only what it shows has changed, also twice in one millisecond', async () => {
    const [, id = ''] = inventory.ids
    for (const tags of ['{"a":"1"}', '{"b":"2"}'])
      await sql`update certificates set tags = ${tags}::jsonb, archived_at = null where id = ${id}`.execute(db)
    const item = (await all()).find((one) => one.id === id)
    expect(item).toMatchObject({ tags: { b: '2' } })
    expect(item).toEqual(await view(id))
    expect(await ids({ tags: [{ key: 'b', value: '2' }] })).toContain(id)
  })

  it('has only the fields that are asked for, and always the id', async () => {
    for (const item of await all({ fields: ['name', 'tags', 'revoked_at'] })) {
      const { id, name, tags, revoked_at: revokedAt } = await view(item.id)
      expect(item).toEqual({ id, name, tags, ...(revokedAt === undefined ? {} : { revoked_at: revokedAt }) })
    }
  })

  const sorts = ['notAfter', 'createdAt', 'updatedAt', 'commonName', 'name', 'status', 'environment'] as const
  it.each(sorts)('is read page by page in the order of %s, both ways, every certificate once', async (by) => {
    for (const descending of [false, true]) {
      const read: Item[] = []
      let after: PageStart | undefined
      do {
        const request = { limit: 7, after, count: false }
        const page = await listCertificates(services, { filter: {}, sort: { by, descending }, request })
        read.push(...parsed(page.items))
        after = page.next
      } while (after !== undefined)
      const offset = await all({ sort: { by, descending }, request: { limit: 500, offset: 0, count: false } })
      expect(read.map(({ id }) => id)).toEqual(offset.map(({ id }) => id))
      expect(new Set(read.map(({ id }) => id)).size).toBe((await all()).length)
      const keys = read.map((item) => sortKey(item, by))
      const sorted = keys.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0) * (descending ? -1 : 1))
      expect(keys).toEqual(sorted)
    }
  })

  it('skips rows by offset in the order of the status as well', async () => {
    const sort = { by: 'status', descending: false } as const
    const whole = await all({ sort })
    const part = await all({ sort, request: { limit: 5, offset: 20, count: false } })
    expect(part.map(({ id }) => id)).toEqual(whole.slice(20, 25).map(({ id }) => id))
  })

  it.each(certificateStatuses)('of %s has those certificates and no others', async (status) => {
    const every = [...(await all()), ...(await all({ filter: { status: 'Archived' } }))]
    expect(await ids({ status })).toEqual(
      every
        .filter((item) => item.status === status)
        .map(({ id }) => id)
        .toSorted(),
    )
  })

  it('is narrowed by each filter to what has it', async () => {
    const every = await all()
    const those = (keep: (item: Item) => boolean) =>
      every
        .filter(keep)
        .map(({ id }) => id)
        .toSorted()
    const time = (value: unknown) => (typeof value === 'string' ? Date.parse(value) : Number.POSITIVE_INFINITY)
    const soon = new Date(now().getTime() + 20 * 86_400_000)
    const tagged = (item: Item, key: string) => (item.tags as Record<string, string>)[key]
    const has = (item: Item, test: (name: string) => boolean) =>
      [...(item.sans as string[]), item.name as string, item.common_name as string].some((name) =>
        test(name.toLowerCase()),
      )
    const cases: readonly (readonly [CertificateListing['filter'], (item: Item) => boolean])[] = [
      [{ environment: 'prod' }, (item) => item.environment === 'prod'],
      [{ ownerId: 'o-1' }, (item) => item.owner_id === 'o-1'],
      [{ teamId: 't-1', issuerId: 'iss-2' }, (item) => item.team_id === 't-1' && item.issuer_id === 'iss-2'],
      [{ profileId: 'prof' }, (item) => item.certificate_profile_id === 'prof'],
      [{ targetId: 'tg-2' }, (item) => (item.target_ids as string[]).includes('tg-2')],
      [{ expiresBefore: soon }, (item) => time(item.expires_at) < soon.getTime()],
      [{ createdAfter: now() }, (item) => time(item.created_at) > now().getTime()],
      [{ updatedAfter: now() }, (item) => time(item.updated_at) > now().getTime()],
      [{ tags: [{ key: 'tier', value: 'gold' }] }, (item) => tagged(item, 'tier') === 'gold'],
      [
        {
          tags: [
            { key: 'tier', value: 'tin' },
            { key: 'n', value: '1' },
          ],
          teamId: 't-2',
        },
        (item) => tagged(item, 'tier') === 'tin' && item.team_id === 't-2',
      ],
      [
        { tags: [{ key: 'tier', value: 'gold' }], status: 'Active' },
        (item) => tagged(item, 'tier') === 'gold' && item.status === 'Active',
      ],
      [{ text: 'A.exam' }, (item) => has(item, (name) => name.includes('a.exam'))],
      [{ text: '%' }, () => false],
      [{ domain: 'example.net' }, (item) => (item.sans as string[]).some((name) => name.endsWith('.example.net'))],
      [{ domain: 'WWW.example.com' }, (item) => (item.sans as string[]).includes('www.example.com')],
      [{ domain: 'ww.example.com' }, () => false],
      [
        { text: 'a.exam', domain: 'example.net' },
        (item) => has(item, (name) => name.includes('a.exam')) && has(item, (name) => name.endsWith('.example.net')),
      ],
      [{ name: 'www.example.com' }, (item) => (item.sans as string[]).includes('www.example.com')],
      [{ name: `NAME "${inventory.ids[5]}" Ü` }, (item) => item.id === inventory.ids[5]],
    ]
    for (const [filter, keep] of cases) expect([filter, await ids(filter)]).toEqual([filter, those(keep)])
    const { rows: held } = await sql<{
      id: string
    }>`select certificate_id as id from holders where agent_id = 'ag-2' and closed_at is null`.execute(db)
    const heldIds = new Set(held.map(({ id }) => id))
    expect(await ids({ agentId: 'ag-2' })).toEqual(those((item) => heldIds.has(item.id)))
  })

  it('is narrowed to the same by walking it as by gathering names', async () => {
    const found = async (filter: CertificateListing['filter'] & { common: boolean }) =>
      (await matchingCertificateIds(db, { now: now(), ...filter }).execute()).map(({ id }) => id).toSorted()
    for (const asked of [
      { domain: 'example.net' },
      { domain: 'www.example.com' },
      { text: 'a.exam' },
      { domain: 'ww.example.com' },
    ])
      expect(await found({ ...asked, common: true })).toEqual(await found({ ...asked, common: false }))
    expect(await found({ domain: 'example.com', common: true })).not.toEqual([])
  })

  it('says what to do where a search takes too long', async () => {
    const slow = openDatabase({ address: services.database.address, maxConnections: 1 })
    const { createStore } = await import('../../src/store/store.js')
    const { certificateList } = createStore({ db: slow.db, clock: services.clock })
    await db.transaction().execute(async (tx) => {
      await sql`lock table searched_names in access exclusive mode`.execute(tx)
      const asked = certificateList.page({
        filter: { now: now(), text: 'www' },
        order: { by: 'name', descending: false },
        request: { limit: 5, count: false },
      })
      await expect(asked).rejects.toMatchObject({
        code: 'upstream_unavailable',
        message: expect.stringContaining('domain='),
      })
    })
    await slow.close()
  })
})

describe('counts', () => {
  it('by status are those of the list, before they are folded and after', async () => {
    const expected = Object.fromEntries(certificateStatuses.map((status) => [status, 0]))
    for (const item of [...(await all()), ...(await all({ filter: { status: 'Archived' } }))])
      expected[item.status as string] = (expected[item.status as string] ?? 0) + 1
    expect((await services.store.dailyCounts.certificates(now())).byStatus).toEqual(expected)
    await services.store.dailyCounts.fold(now())
    expect((await services.store.dailyCounts.certificates(now())).byStatus).toEqual(expected)
    const { rows } = await sql`select 1 from count_changes`.execute(db)
    expect(rows).toEqual([])
  })

  it('are the same after years have passed, and the days long past are one', async () => {
    services.clock.advance(3 * 365 * 86_400)
    const { byStatus, valid } = await services.store.dailyCounts.certificates(now())
    expect(valid).toBe(0)
    await services.store.dailyCounts.fold(now())
    expect(await services.store.dailyCounts.reconcile(now())).toBe(0)
    await services.store.dailyCounts.fold(now())
    expect((await services.store.dailyCounts.certificates(now())).byStatus).toEqual(byStatus)
    const { rows } = await sql`select distinct day::text as day from daily_counts where question = 'expires'`.execute(
      db,
    )
    expect(rows.length).toBeLessThanOrEqual(2)
  })
})

function sortKey(item: Item, by: string): string | number {
  const value =
    item[
      { notAfter: 'expires_at', createdAt: 'created_at', updatedAt: 'updated_at', commonName: 'common_name' }[by] ?? by
    ]
  if (by === 'notAfter') return typeof value === 'string' ? Date.parse(value) : Number.POSITIVE_INFINITY
  return typeof value === 'string' ? value : ''
}
