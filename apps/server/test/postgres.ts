import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRegistry, discoverConnectors, type Registry, Secret } from '@certctl/core'
import pg from 'pg'
import { type Logger, pino } from 'pino'
import { checkSealingKey } from '../src/access/key-check.js'
import { openSealing } from '../src/access/open-sealing.js'
import type { Clock } from '../src/clock.js'
import { type Environment, readConfig } from '../src/config.js'
import { createChallengeDesk } from '../src/connectors/challenges/challenge-desk.js'
import { createConnections } from '../src/connectors/connections.js'
import { createMetrics } from '../src/metrics.js'
import type { Services } from '../src/services.js'
import { systemChance } from '../src/store/chance.js'
import { connectionOf, type DatabaseAddress, openDatabase } from '../src/store/database.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/store/embedded-postgres.js'
import { migrate } from '../src/store/migrate.js'
import { migrations } from '../src/store/migrations/index.js'
import { createStore } from '../src/store/store.js'
import { createWakeBus } from '../src/store/wake-bus.js'
import { widelyHeard } from '../src/widely-heard.js'

export interface TestDatabase {
  /** With user and password; works with `psql`, too. */
  readonly url: string
  readonly address: DatabaseAddress
  close(): Promise<void>
}

/** `empty`: without the tables. */
export interface TestDatabaseOptions {
  empty?: boolean | undefined
}

/** A fresh database: on the PostgreSQL of `CERTCTL_TEST_DATABASE_URL`, else on an embedded one that this test process starts once and that ends with it. */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await testServer()
  const name = `test_${process.pid}_${randomBytes(6).toString('hex')}`
  if (options.empty === true) await ask(server, emptyDatabase(name))
  else await ask(server, `create database ${name} template ${await migratedTemplate(server)}`)
  const url = urlOf(server, name)
  return {
    url,
    address: { url: new Secret(url) },
    close: async () => await ask(server, `drop database if exists ${name} with (force)`),
  }
}

/** The URL of the server itself, as its owner. */
async function testServer(): Promise<string> {
  return process.env.CERTCTL_TEST_DATABASE_URL ?? (await embeddedServer())
}

let started: Promise<string> | undefined

async function embeddedServer(): Promise<string> {
  started ??= startShared()
  return await started
}

const roomBytes = 2 ** 31

/**
 * Each test file makes and drops a database of four hundred files, and ext4 looks for longer at each new file the more have been removed
 * of late: that was half of what the tests took.
 */
function inMemory(): string {
  const shared = '/dev/shm'
  if (!existsSync(shared)) return tmpdir()
  const { bavail, bsize } = statfsSync(shared)
  return bavail * bsize >= roomBytes ? shared : tmpdir()
}

/** Test files of one process share it: the second file finds it running. Nothing in it is worth an fsync. */
async function startShared(): Promise<string> {
  const root = join(inMemory(), `certctl-test-${process.pid}`)
  const isFirst = !existsSync(root)
  mkdirSync(root, { recursive: true })
  chmodSync(root, 0o711)
  if (isFirst) removeAfterUs(root)
  const server: EmbeddedPostgres = await startEmbeddedPostgres({
    directory: join(root, 'postgres'),
    log: { info: () => undefined, warn: () => undefined },
    maxConnections: 200,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  })
  await server.release()
  const { host, user, password } = server.address as Extract<DatabaseAddress, { host: string }>
  return `postgres://${user}:${encodeURIComponent(password.reveal())}@localhost/postgres?host=${encodeURIComponent(host)}`
}

/** A process of its own, because this one may be killed. */
function removeAfterUs(root: string): void {
  const script = fileURLToPath(new URL('./remove-after.mjs', import.meta.url))
  spawn(process.execPath, [script, String(process.pid), root], { detached: true, stdio: 'ignore' }).unref()
}

let template: Promise<string> | undefined

async function migratedTemplate(server: string): Promise<string> {
  template ??= makeTemplate(server)
  return await template
}

const templateLock = 4_201_399

/** One per shape of the tables, made by whoever comes first, and found by everybody else: also by later runs on a server that stays. */
async function makeTemplate(server: string): Promise<string> {
  const shape = createHash('sha256').update(JSON.stringify(migrations)).digest('hex').slice(0, 16)
  const name = `certctl_template_${shape}`
  const client = await connected(server)
  try {
    await client.query('select pg_advisory_lock($1)', [templateLock])
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name])
    if (rowCount === 0) await makeMigrated(server, name)
    return name
  } finally {
    await client.end()
  }
}

/** Under another name until it is whole. */
async function makeMigrated(server: string, name: string): Promise<void> {
  const unfinished = `${name}_unfinished`
  await ask(server, `drop database if exists ${unfinished} with (force)`)
  await ask(server, emptyDatabase(unfinished))
  const database = openDatabase({ address: { url: new Secret(urlOf(server, unfinished)) }, maxConnections: 2 })
  await migrate({ db: database.db, now: () => new Date('2026-01-01T00:00:00Z') })
  await database.close()
  await ask(server, `alter database ${unfinished} rename to ${name}`)
}

/** Debian's cluster may have been made under a locale without Unicode. */
function emptyDatabase(name: string): string {
  return `create database ${name} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`
}

function urlOf(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}

/** One statement about databases as the server's owner. */
async function ask(server: string, statement: string): Promise<void> {
  const client = await connected(server)
  try {
    for (let tries = 1; !(await wasDone(client, statement, tries >= 20)); tries += 1);
  } finally {
    await client.end()
  }
}

/** The server waits five seconds for others to leave a database (a vacuum of the template, connections that were cut), which on a slow machine are too few. */
async function wasDone(client: pg.Client, statement: string, isLast: boolean): Promise<boolean> {
  try {
    await client.query(statement)
    return true
  } catch (error) {
    if (isLast || (error as { code?: string }).code !== objectInUse) throw error
    return false
  }
}

const objectInUse = '55006'

async function connected(server: string): Promise<pg.Client> {
  const client = new pg.Client(connectionOf({ url: new Secret(server) }))
  await client.connect()
  return client
}

export interface TestServicesOptions {
  /** Variables of the environment, `CERTCTL_…`. */
  environment?: Environment | undefined
  /** Shared by services that are copies of one server. */
  database?: TestDatabase | undefined
  clock?: TestClock | undefined
  registry?: Registry | undefined
  serverId?: string | undefined
}

export interface TestClock extends Clock {
  advance(seconds: number): void
}

export interface TestServices extends Services {
  readonly clock: TestClock
  readonly database: TestDatabase
  /** What was logged, one object per line. */
  readonly logged: readonly Record<string, unknown>[]
  /** As when the server begins to stop. */
  beginStop(): void
  /** Closes all; drops the database where these services made it. */
  close(): Promise<void>
}

/** Services on a database of their own, with a clock that only the test moves and the connectors that the server really has. */
export async function createTestServices(options: TestServicesOptions = {}): Promise<TestServices> {
  const database = options.database ?? (await testDatabase())
  const clock = options.clock ?? createTestClock(new Date('2026-11-25T12:00:00Z'))
  const config = readConfig({ CERTCTL_CONFIG_ENCRYPTION_KEY: testKey, ...options.environment })
  const logged: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  // Longer than usual: a machine that stands still must not end what waits for a lock that a test holds.
  const patience = { lockSeconds: 60, statementSeconds: 60 }
  const { db, close: closeDatabase } = openDatabase({ address: database.address, maxConnections: 10, ...patience })
  const store = createStore({ db, clock })
  const sealing = openSealing(config)
  await checkSealingKey(store, sealing)
  const wakes = await createWakeBus({ address: database.address, log })
  const registry = options.registry ?? (await registryOfServer(log))
  const server = {
    id: options.serverId ?? 'server-test',
    version: '0.0.0-test',
    publicUrl: 'https://certctl.test:8443',
  }
  const stopping = widelyHeard()
  const metrics = createMetrics()
  const challenges = createChallengeDesk({ config, store, clock, log, wakes })
  const parts = {
    config,
    store,
    clock,
    chance: systemChance,
    log,
    sealing,
    registry,
    wakes,
    metrics,
    server,
    challenges,
    stopping: stopping.signal,
  }
  const connections = createConnections(parts)
  return {
    ...parts,
    connections,
    database,
    logged,
    beginStop: () => stopping.abort(),
    async close() {
      await connections.close()
      await challenges.close()
      await wakes.close()
      await closeDatabase()
      if (options.database === undefined) await database.close()
    },
  }
}

/** The row of a copy that lives. Nothing beats by itself, however long a test takes: its time is the test's. */
export async function insertServer({ store, clock, server }: Services): Promise<void> {
  const now = clock.now()
  const described = { hostname: server.id, version: server.version, environment: {} }
  await store.servers.insert({ id: server.id, ...described, started_at: now, heartbeat_at: now })
}

const testKey = 'a key for tests only, of more than 32 bytes'

async function registryOfServer(log: Logger): Promise<Registry> {
  const registry = createRegistry()
  const manifest = fileURLToPath(new URL('../package.json', import.meta.url))
  const problems = await discoverConnectors(registry, { manifest, kinds: ['issuer', 'notifier'] })
  for (const problem of problems) log.warn(problem, 'a connector of the server does not load')
  return registry
}

function createTestClock(start: Date): TestClock {
  let time = start.getTime()
  return {
    now: () => new Date(time),
    advance: (seconds) => {
      time += seconds * 1000
    },
  }
}
