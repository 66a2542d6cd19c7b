/** Bars 7 and 8: pages, counts and searches of a million certificates beside those of ten thousand. */

import type { CertificateFilter } from '../apps/server/src/store/certificate-filter.js'
import type { CertificateQuestion } from '../apps/server/src/store/certificate-list.js'
import { type Database, openDatabase } from '../apps/server/src/store/database.js'
import { createStore, type Store } from '../apps/server/src/store/store.js'
import type { Bar } from './harness.js'
import { ownerCount, teamCount } from './inventory/statements.js'
import { type Inventory, openInventory } from './load-inventory.js'

interface Opened {
  inventory: Inventory
  database: Database
  store: Store
}

const opened: Opened[] = []

export async function bars(): Promise<readonly Bar[]> {
  const many = await open(Number(process.env.CERTCTL_BENCH_COUNT ?? 1_000_000))
  const few = await open(10_000)
  return [...pageBars(many, few), ...countBars(many, few), ...searchBars(many)]
}

export async function close(): Promise<void> {
  for (const { database } of opened) await database.close()
  await opened[0]?.inventory.close()
  opened.length = 0
}

async function open(count: number): Promise<Opened> {
  const inventory = await openInventory({ count })
  const database = openDatabase({ address: inventory.address, maxConnections: 2 })
  const store = createStore({ db: database.db, clock: { now: () => inventory.now } })
  const result = { inventory, database, store }
  opened.push(result)
  return result
}

type Asked = (
  index: number,
  now: Date,
) => Omit<Partial<CertificateQuestion>, 'filter'> & { filter?: Omit<CertificateFilter, 'now'> }

function page({ store, inventory: { now } }: Opened, asked: Asked): (index: number) => Promise<unknown> {
  return async (index) => {
    const { filter = {}, ...rest } = asked(index, now)
    const order = { by: 'expires_at', descending: false } as const
    return await store.certificateList.page({
      filter: { ...filter, now },
      order,
      request: { limit: 50, count: false },
      ...rest,
    })
  }
}

const day = 86_400_000
const team = (index: number) => `t-${1 + (index % teamCount)}`
const owner = (index: number) => `o-${1 + (index % ownerCount)}`
const gold = [{ key: 'tier', value: 'gold' }]

/** From somewhere in the middle, as a reader who pages on. */
const expiryFrom: Asked = (index, now) => ({
  request: {
    limit: 50,
    count: false,
    after: { value: new Date(now.getTime() + (index % 300) * day).toISOString(), id: '' },
  },
})

const shapes: readonly { name: string; asked: Asked; floor?: number }[] = [
  { name: 'by expiry, keyset', asked: expiryFrom },
  { name: 'as made, first page', asked: () => ({ order: { by: 'created_at', descending: false } }) },
  { name: 'by name, descending', asked: () => ({ order: { by: 'name', descending: true } }) },
  { name: 'status', asked: () => ({ filter: { status: 'Active' } }) },
  { name: 'team', asked: (index) => ({ filter: { teamId: team(index) } }) },
  {
    name: 'team, as made',
    asked: (index) => ({ filter: { teamId: team(index) }, order: { by: 'created_at', descending: false } }),
  },
  { name: 'issuer', asked: (index) => ({ filter: { issuerId: `iss-${1 + (index % 5)}` } }) },
  { name: 'environment', asked: () => ({ filter: { environment: 'staging' } }) },
  { name: 'team and status', asked: (index) => ({ filter: { teamId: team(index), status: 'Active' } }) },
  { name: 'environment and status', asked: () => ({ filter: { environment: 'production', status: 'Active' } }) },
  { name: 'common tag', asked: () => ({ filter: { tags: gold } }) },
  // Two certificates of 10,000 have one: its page there is not a page.
  {
    name: 'rare tag',
    floor: 1 / 8,
    asked: (index) => ({ filter: { tags: [{ key: 'cost-centre', value: `cc-${index}` }] } }),
  },
  {
    name: 'team, status and tag',
    asked: (index) => ({ filter: { teamId: team(index), status: 'Active', tags: gold } }),
    floor: 1 / 4,
  },
  {
    name: 'owner, status and environment',
    asked: (index) => ({ filter: { ownerId: owner(index), status: 'Active', environment: 'production' } }),
    floor: 1 / 4,
  },
]

/** Pages of fifty, by the clock. */
function pageBars(many: Opened, few: Opened): Bar[] {
  const pages = shapes.map(({ name, asked, floor }) => ({
    name,
    floor,
    ours: page(many, asked),
    theirs: page(few, asked),
  }))
  const due = (of: Opened) => async () =>
    await of.store.holders.listToIssue(of.inventory.now, { after: '', limit: 100 })
  return [...pages, { name: 'due for renewal, 100', floor: undefined, ours: due(many), theirs: due(few) }].map(
    ({ name, ours, theirs, floor = 1 / 2.2 }) => ({
      name: `inventory/${name}`,
      title: 'a page of fifty of the large inventory, beside the same of 10,000',
      ours: { name: `${many.inventory.count.toLocaleString('en')} certificates`, run: ours },
      theirs: { name: `${few.inventory.count.toLocaleString('en')} certificates`, run: theirs },
      floor,
      by: 'p50',
      mostMs: floor < 0.3 ? undefined : 2,
    }),
  )
}

function countBars(many: Opened, few: Opened): Bar[] {
  const questions: readonly { name: string; ask: (of: Opened) => Promise<unknown> }[] = [
    {
      name: 'count by status',
      ask: async ({ store, inventory }) => await store.dailyCounts.certificates(inventory.now),
    },
    {
      name: 'ends of the next 90 days',
      ask: async ({ store, inventory: { now } }) =>
        await store.dailyCounts.byDay('expires', { from: now, to: new Date(now.getTime() + 90 * day) }),
    },
  ]
  return questions.map(({ name, ask }) => ({
    name: `inventory/${name}`,
    title: 'what the dashboard asks of the large inventory, beside 10,000',
    ours: { name: `${many.inventory.count.toLocaleString('en')} certificates`, run: () => ask(many) },
    theirs: { name: `${few.inventory.count.toLocaleString('en')} certificates`, run: () => ask(few) },
    floor: 1 / 2.5,
    by: 'p50',
  }))
}

/** Beside a page by expiry of the same inventory. */
function searchBars(many: Opened): Bar[] {
  const searches: readonly {
    name: string
    filter: (index: number) => Omit<CertificateFilter, 'now'>
    floor: number
    aim: number
  }[] = [
    { name: 'text that no name has', filter: (index) => ({ text: `nowhere${index}` }), floor: 1 / 60, aim: 1 / 20 },
    {
      name: 'text of about one in 300',
      filter: (index) => ({ text: (0x100 + index).toString(16).padStart(3, 'f') }),
      floor: 1 / 60,
      aim: 1 / 20,
    },
    {
      name: 'text of one in 200',
      filter: (index) => ({ text: `.corp-${100 + (index % 100)}.` }),
      floor: 1 / 60,
      aim: 1 / 20,
    },
    { name: 'text of every fourth', filter: () => ({ text: 'example.com' }), floor: 1 / 60, aim: 1 / 20 },
    {
      name: 'domain of one in 800',
      filter: (index) => ({ domain: `corp-${100 + (index % 100)}.example.com` }),
      floor: 1 / 6,
      aim: 1 / 3,
    },
    { name: 'domain of every fourth', filter: () => ({ domain: 'example.com' }), floor: 1 / 6, aim: 1 / 3 },
  ]
  return searches.map(({ name, filter, floor, aim }) => ({
    name: `names/${name}`,
    title: 'fifty certificates by a part of their names, beside a page by expiry',
    ours: { name, run: page(many, (index) => ({ filter: filter(index) })) },
    theirs: { name: 'page by expiry', run: page(many, expiryFrom) },
    floor,
    aim,
    by: 'p50',
  }))
}
