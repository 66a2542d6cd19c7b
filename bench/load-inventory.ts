/**
 * A generated inventory of any size, loaded once and kept for later runs. From a seed: the same size and seed are the same rows.
 * Every row differs from every other in its names, times, serial number and fingerprint, and the loader refuses to go on where they do not.
 */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@certctl/core'
import pg from 'pg'
import { connectionOf, type DatabaseAddress, openDatabase } from '../apps/server/src/store/database.js'
import { startEmbeddedPostgres } from '../apps/server/src/store/embedded-postgres.js'
import { migrate } from '../apps/server/src/store/migrate.js'
import { migrations } from '../apps/server/src/store/migrations/index.js'
import { degenerateChecks, inventoryStatements, listStatements } from './inventory/statements.js'

export interface InventoryOptions {
  /** Certificates. */
  count: number
  seed?: number | undefined
  /** When the inventory is as it is: certificates were issued before and end after. A fixed day where not given, so that it can be kept. */
  now?: Date | undefined
  /** `CERTCTL_BENCH_DIR`, else a directory beside other temporary files. */
  directory?: string | undefined
}

export interface Inventory {
  readonly address: DatabaseAddress
  readonly count: number
  readonly now: Date
  close(): Promise<void>
}

const usualNow = new Date('2026-06-01T12:00:00Z')

/** The inventory, in a database of its own on an embedded PostgreSQL: found as an earlier run left it, or loaded now. */
export async function openInventory(options: InventoryOptions): Promise<Inventory> {
  const { count, seed = 1, now = usualNow } = options
  const server = await sharedServer(options.directory ?? process.env.CERTCTL_BENCH_DIR)
  const name = `inventory_${count}_${seed}_${shapeOf(now)}`
  const address = { url: new Secret(urlOf(server.url, name)) }
  const isThere = await asked(server.url, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name])
    return rowCount === 1
  })
  if (!isThere) await make(server.url, { name, count, seed, now })
  return { address, count, now, close: server.close }
}

/** Fills a database that has the tables and nothing in them. */
export async function loadInventory(
  address: DatabaseAddress,
  { count, seed = 1, now = usualNow }: InventoryOptions,
): Promise<void> {
  const client = new pg.Client(connectionOf(address))
  await client.connect()
  try {
    await client.query('set session_replication_role = replica')
    await client.query('set synchronous_commit = off')
    // Built over the whole at the end, which takes a fraction of the time.
    const { rows: indexes } = await client.query<{ name: string; definition: string }>(freeIndexes)
    for (const { name } of indexes) await client.query(`drop index ${name}`)
    for (const statement of inventoryStatements) await client.query(statement(count, seed, now))
    for (const index of namedIndexes) await client.query(index)
    for (const { what, sql } of degenerateChecks) await requireDistinct(client, { what, sql, count })
    await client.query('analyze')
    for (const statement of listStatements) await client.query(statement)
    for (const { definition } of indexes) await client.query(definition.replace(' INDEX ', ' INDEX IF NOT EXISTS '))
    await client.query('vacuum analyze')
    await requireRight(client, now)
  } finally {
    await client.end()
  }
}

async function requireDistinct(
  client: pg.Client,
  { what, sql, count }: { what: string; sql: string; count: number },
): Promise<void> {
  const { rows } = await client.query<{ found: string; wanted: string }>(sql, [count])
  const [row] = rows
  if (row === undefined || Number(row.found) < Number(row.wanted))
    throw new Error(
      `The generated rows are degenerate: ${row?.found} different ${what} where ${row?.wanted} were wanted`,
    )
}

/** Indexes that no constraint needs, of the tables that are filled. */
const freeIndexes = `select indexname as name, indexdef as definition from pg_indexes
  where schemaname = 'public' and tablename in ('certificates', 'certificate_names', 'holders', 'orders', 'versions', 'placements', 'jobs',
    'listed_certificates', 'certificate_tags', 'searched_names')
  and not exists (select 1 from pg_constraint where conindid = indexname::regclass)`
/** What the rows of lists are read by. */
const namedIndexes = [
  'create index holders_of_certificate on holders (certificate_id) where closed_at is null',
  'create unique index placements_pair on placements (certificate_id, target_id) where removed_at is null',
  'create index jobs_certificate on jobs (certificate_id, created_at)',
]

/** The rows of lists are what the triggers' function makes of them, and the counts are what there is. */
async function requireRight(client: pg.Client, now: Date): Promise<void> {
  const wrong = `select refresh_listed_certificates(array(select id from certificates order by md5(id) limit 500)) as wrong`
  const { rows } = await client.query<{ wrong: number }>(wrong)
  await client.query('select reconcile_counts(utc_day($1))', [now])
  await client.query('select fold_counts(utc_day($1))', [now])
  const again = await client.query<{ wrong: number }>('select reconcile_counts(utc_day($1)) as wrong', [now])
  if (rows[0]?.wrong !== 0 || again.rows[0]?.wrong !== 0)
    throw new Error('The rows of lists are not what the database itself would make of them')
}

interface Server {
  url: string
  close(): Promise<void>
}

let running: Promise<Server> | undefined

async function sharedServer(directory = join(tmpdir(), 'certctl-bench')): Promise<Server> {
  running ??= startServer(directory)
  return await running
}

async function startServer(directory: string): Promise<Server> {
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  const embedded = await startEmbeddedPostgres({
    directory: join(directory, 'postgres'),
    log: {
      info: () => undefined,
      warn: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
    },
    maxConnections: 60,
    settings: {
      shared_buffers: '1GB',
      max_wal_size: '8GB',
      maintenance_work_mem: '512MB',
      work_mem: '32MB',
      jit: 'off',
    },
  })
  const { host, user, password } = embedded.address as Extract<DatabaseAddress, { host: string }>
  const secret = encodeURIComponent(password.reveal())
  return {
    url: `postgres://${user}:${secret}@localhost/postgres?host=${encodeURIComponent(host)}`,
    async close() {
      running = undefined
      await embedded.stop()
    },
  }
}

async function make(
  url: string,
  { name, count, seed, now }: { name: string; count: number; seed: number; now: Date },
): Promise<void> {
  const unfinished = `${name}_unfinished`
  await asked(url, async (client) => {
    await client.query(`drop database if exists ${unfinished} with (force)`)
    await client.query(`create database ${unfinished} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`)
  })
  const address = { url: new Secret(urlOf(url, unfinished)) }
  const database = openDatabase({ address, maxConnections: 1 })
  await migrate({ db: database.db, now: () => now })
  await database.close()
  process.stderr.write(`loading ${count} certificates, once\n`)
  await loadInventory(address, { count, seed, now })
  await asked(url, async (client) => await client.query(`alter database ${unfinished} rename to ${name}`))
}

/** What was loaded for other tables, or another day, is not taken for this. */
function shapeOf(now: Date): string {
  const text = JSON.stringify([migrations, inventoryStatements.map((statement) => statement(1, 1, now))])
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

function urlOf(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

async function asked<T>(url: string, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(connectionOf({ url: new Secret(url) }))
  await client.connect()
  try {
    return await ask(client)
  } finally {
    await client.end()
  }
}
