import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isCertctlError, messageOf } from '@certctl/core'
import type { Logger } from 'pino'
import { finishRotation } from './access/finish-rotation.js'
import { checkSealingKey, refuseOtherSealingKey } from './access/key-check.js'
import type { Sealing } from './access/sealing.js'
import { type AlignedClock, createAlignedClock } from './aligned-clock.js'
import type { Config } from './config.js'
import { type Database, type DatabaseAddress, openDatabase } from './store/database.js'
import { databaseTime } from './store/database-time.js'
import { startEmbeddedPostgres } from './store/embedded-postgres.js'
import { migrate } from './store/migrate.js'
import { createStore, type Store } from './store/store.js'

export interface OpenedStore {
  address: DatabaseAddress
  database: Database
  clock: AlignedClock
  store: Store
}

interface OpenOptions {
  config: Config
  log: Logger
  sealing: Sealing
  onFatal(error: unknown): void
  /** Fires when the server is told to stop before it runs: it waits for the database no longer. */
  cancelled?: AbortSignal | undefined
  /** Undone in reverse order when the server stops, or does not come up. */
  closers: (() => Promise<void>)[]
}

/** From settings to rows: the database runs, is shaped, is sealed with our key, and tells the time. */
export async function openStore(options: OpenOptions): Promise<OpenedStore> {
  const { config, log, sealing, closers } = options
  const address = config.database_url === undefined ? await startOwn(options) : { url: config.database_url }
  const database = openDatabase({
    address,
    maxConnections: config.database_max_conns,
    onLost: (error) => log.warn({ reason: messageOf(error) }, 'a connection to the database was lost'),
  })
  closers.push(async () => await database.close())
  const clock = await onceItAnswers(options, async () => {
    return await createAlignedClock({ measure: async () => await databaseTime(database.db), log })
  })
  closers.push(async () => clock.close())
  const store = createStore({ db: database.db, clock })
  await refuseOtherSealingKey(store, sealing)
  const onNewer = (names: readonly string[]): void =>
    log.warn({ names }, 'the database was migrated by a newer certctl; this copy works on it until it is upgraded too')
  const onBusy = (reason: string): void => log.warn({ reason }, 'waiting for other copies, to migrate the database')
  const applied = await migrate({ db: database.db, now: clock.now, onNewer, onBusy, cancelled: options.cancelled })
  if (applied.length > 0) log.info({ applied }, 'the database was migrated')
  await checkSealingKey(store, sealing)
  if (await finishRotation(store, sealing, config))
    log.info({ key: sealing.keyId }, 'the new encryption key has taken the place of the one before')
  return { address, database, clock, store }
}

async function startOwn({ config, log, onFatal, closers }: OpenOptions): Promise<DatabaseAddress> {
  const embedded = await startEmbeddedPostgres({
    directory: join(config.state_dir, 'postgres'),
    log,
    maxConnections: config.database_max_conns,
    searchPath: config.search_path,
    onLost: onFatal,
  })
  closers.push(async () => await embedded.stop())
  return embedded.address
}

const patienceMs = 60_000
const pauseMs = 1000

/** Where database and server start together, the database is often later. */
async function onceItAnswers<T>({ log, cancelled }: OpenOptions, attempt: () => Promise<T>): Promise<T> {
  for (let waited = 0; ; waited += pauseMs) {
    try {
      return await attempt()
    } catch (error) {
      if (cancelled?.aborted || !isWorthWaiting(error, waited)) throw error
      log.warn({ reason: messageOf(error) }, 'waiting for the database')
      await wait(pauseMs, undefined, { signal: cancelled }).catch(() => undefined)
      if (cancelled?.aborted) throw error
    }
  }
}

function isWorthWaiting(error: unknown, waited: number): boolean {
  return isCertctlError(error) && error.code === 'upstream_unavailable' && waited < patienceMs
}
