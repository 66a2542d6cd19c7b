import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { listCertificates } from '../../src/inventory/list-certificates.js'
import { matchingCertificateIds } from '../../src/store/certificate-list.js'
import { type Database, openDatabase } from '../../src/store/database.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { createRandomInventory } from './random-inventory.js'

let services: TestServices
let database: Database

beforeAll(async () => {
  services = await createTestServices()
  database = openDatabase({ address: services.database.address, maxConnections: 6 })
  const inventory = await createRandomInventory(database.db, { seed: 11, count: 60, now: services.clock.now() })
  for (let step = 0; step < 200; step++) await inventory.change()
})
afterAll(async () => {
  await database.close()
  await services.close()
})

const text = 'exam'

async function read(by: 'name' | 'status' | 'notAfter', filter: { text: string; domain?: string }) {
  const listing = { filter, sort: { by, descending: false }, fields: ['name'] }
  const first = await listCertificates(services, { ...listing, request: { limit: 3, count: true } })
  const second = await listCertificates(services, {
    ...listing,
    request: { limit: 3, count: false, after: first.next },
  })
  return { first, second }
}

async function bulk(): Promise<string[]> {
  const found = await matchingCertificateIds(database.db, { now: services.clock.now(), text }).execute()
  return found.map(({ id }) => id).toSorted()
}

it('a search finds the same where too many names have the text to be gathered', async () => {
  const answers = async () => ({
    pages: [await read('name', { text }), await read('status', { text }), await read('notAfter', { text })],
    below: await read('notAfter', { text, domain: 'example.net' }),
    bulk: await bulk(),
  })
  const gathered = await answers()
  for (const { first, second } of gathered.pages) {
    expect(first.total).toBe(gathered.bulk.length)
    expect(JSON.parse(`[${second.items}]`)).toHaveLength(3)
  }
  expect(gathered.below.first.total).toBeLessThan(gathered.bulk.length)
  await sql`insert into searched_names (certificate_id, text, expires_at)
    select 'of-nobody-' || i, 'a.example.com', 'infinity' from generate_series(1, 10001) as i`.execute(database.db)
  // Those of somebody come last then, where the bound cuts them off.
  await sql`with gone as (delete from searched_names where certificate_id not like 'of-nobody-%' returning *)
    insert into searched_names select * from gone`.execute(database.db)
  expect(await answers()).toEqual(gathered)
})
