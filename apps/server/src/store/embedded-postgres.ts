import { setTimeout as wait } from 'node:timers/promises'
import { CertctlError, messageOf } from '@certctl/core'
import pg from 'pg'
import { connectionOf, type DatabaseAddress } from './database.js'
import { findBinaries } from './embedded/binaries.js'
import { prepareCluster, prepareDirectory } from './embedded/cluster.js'
import { ensureRunning, type PostmasterOptions, stopPostmaster } from './embedded/postmaster.js'
import { runAs } from './embedded/run-as.js'

export interface EmbeddedOptions {
  /** `<state>/postgres`: made, closed to others, and of the user it runs as. */
  directory: string
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
  maxConnections?: number | undefined
  searchPath?: string | undefined
  /** Further `postgresql.conf` settings. */
  settings?: Readonly<Record<string, string>> | undefined
  /** Told when another server got hold of the database, or it cannot be brought back: this one must stop. */
  onLost?: ((error: unknown) => void) | undefined
}

export interface EmbeddedPostgres {
  readonly address: DatabaseAddress
  /** Whether a server of an earlier process was found running. */
  readonly adopted: boolean
  /** Fast shutdown. */
  stop(): Promise<void>
  /** Lets it run on, for the next process to find. */
  release(): Promise<void>
}

/** Starts PostgreSQL in the state directory, or takes over the one that still runs there, and starts it again whenever it dies. One server per directory. */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const postmaster = prepare(options)
  const { adopted } = await ensureRunning(postmaster)
  const supervisor = await supervise(postmaster, options)
  options.log.info({ directory: options.directory, adopted }, 'embedded database runs')
  return {
    address: postmaster.address,
    adopted,
    async stop() {
      await supervisor.end()
      await stopPostmaster(postmaster.data)
    },
    release: async () => await supervisor.end(),
  }
}

/** Plans that were made for few rows are kept until a table was analyzed, and a new installation may fill within its first minute. */
const statistics = { autovacuum_naptime: '10s' }

function prepare({ directory, searchPath, settings, maxConnections = 50 }: EmbeddedOptions): PostmasterOptions {
  const who = runAs()
  prepareDirectory(directory, who)
  const binaries = findBinaries({ directory, who, searchPath })
  const { data, password } = prepareCluster(directory, who, binaries)
  const address = { host: directory, port: 5432, user: 'certctl', password, database: 'postgres' }
  // Beside the pool: the lock, the wake-ups, and somebody with psql.
  const connections = { max_connections: String(maxConnections + 10) }
  return { directory, data, binaries, who, address, settings: { ...connections, ...statistics, ...settings } }
}

const lockNumber = 4_201_338
const lockTries = 50
const longestPauseMs = 5000

interface Supervisor {
  end(): Promise<void>
}

/** Holds the lock that makes this the only server on the directory. The lock's connection ends when PostgreSQL does, which is how we know. */
async function supervise(postmaster: PostmasterOptions, { log, onLost }: EmbeddedOptions): Promise<Supervisor> {
  let isEnding = false
  let holder = await hold(postmaster, onEnd)
  let recovering: Promise<void> = Promise.resolve()

  function onEnd(): void {
    if (isEnding) return
    log.warn({ directory: postmaster.directory }, 'the embedded database went away; it is started again')
    recovering = recover().catch((error: unknown) => onLost?.(error))
  }

  async function recover(): Promise<void> {
    for (let pause = 100; !isEnding; pause = Math.min(2 * pause, longestPauseMs)) {
      try {
        await ensureRunning(postmaster)
        holder = await hold(postmaster, onEnd)
        log.info({ directory: postmaster.directory }, 'the embedded database runs again')
        return
      } catch (error) {
        if (error instanceof CertctlError && error.code === 'conflict') throw error
        log.warn({ error: messageOf(error) }, 'the embedded database could not be started; it is tried again')
        await wait(pause)
      }
    }
  }

  return {
    async end() {
      isEnding = true
      await recovering
      await holder.end().catch(() => undefined)
    },
  }
}

async function hold(postmaster: PostmasterOptions, onEnd: () => void): Promise<pg.Client> {
  const client = new pg.Client({ ...connectionOf(postmaster.address), connectionTimeoutMillis: 5000 })
  client.on('error', () => undefined)
  await client.connect()
  // A server that was killed a moment ago still seems to hold it until PostgreSQL notices.
  for (let attempt = 0; attempt < lockTries; attempt++) {
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [lockNumber])
    if (rows[0]?.held === true) {
      client.once('end', onEnd)
      return client
    }
    await wait(100)
  }
  await client.end()
  throw new CertctlError(
    'conflict',
    `Another certctl-server already runs on ${postmaster.directory}; stop it, give this one its own CERTCTL_STATE_DIR, or let both share a PostgreSQL through CERTCTL_DATABASE_URL`,
  )
}
