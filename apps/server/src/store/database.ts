import type { Duplex } from 'node:stream'
import { CertctlError, type Secret } from '@certctl/core'
import {
  Kysely,
  type PostgresCursor,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
} from 'kysely'
import pg from 'pg'
import { databaseErrorOf } from './database-error.js'
import { createStatementNames } from './kept-plans.js'
import { askDatabase } from './kept-query.js'
import { asSent } from './mergeable.js'
import type { Schema } from './schema.js'

/** A URL as an operator writes it (`sslmode`, `sslrootcert` and the like are obeyed), or the embedded server's socket. */
export type DatabaseAddress =
  | { url: Secret }
  | { host: string; port: number; user: string; password: Secret; database: string }

export interface DatabaseOptions {
  address: DatabaseAddress
  maxConnections: number
  statementSeconds?: number | undefined
  lockSeconds?: number | undefined
  /** Told when a connection is lost while nobody uses it; the next query makes a new one. */
  onLost?: ((error: Error) => void) | undefined
}

export interface Database {
  readonly db: Kysely<Schema>
  usage(): { total: number; idle: number; waiting: number }
  close(): Promise<void>
}

const day = 86_400
/** How times are written, and how long a day is, whatever this database or role is set to. */
const session = "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'"

/** Opens nothing yet: the first query does. */
export function openDatabase(options: DatabaseOptions): Database {
  const { statementSeconds = 30, lockSeconds = 20, onLost = () => undefined } = options
  const pool = new pg.Pool({
    ...connectionOf(options.address),
    max: options.maxConnections,
    connectionTimeoutMillis: 15_000,
    idleTimeoutMillis: 60_000,
    maxLifetimeSeconds: day,
    statement_timeout: statementSeconds * 1000,
    lock_timeout: lockSeconds * 1000,
    idle_in_transaction_session_timeout: 60_000,
    pipeline: true,
  })
  // A client that is lent out has no other listener: without this one a lost connection would end the process.
  pool.on('connect', (client) => {
    client.on('error', onLost)
    client.query(session).catch(onLost)
  })
  pool.on('error', onLost)

  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: speakingOurErrors(pool) }) })
  return {
    db,
    usage: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: async () => await db.destroy(),
  }
}

/** What `pg` wants to be told. */
export function connectionOf(address: DatabaseAddress): pg.ClientConfig {
  const common = { application_name: 'certctl-server', keepAlive: true }
  if ('url' in address) return { ...common, connectionString: address.url.reveal() }
  return { ...common, ...address, password: address.password.reveal() }
}

function speakingOurErrors(pool: pg.Pool): PostgresPool {
  const known = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  return {
    async connect() {
      const client = await pool.connect().catch((error: unknown) => {
        throw databaseErrorOf(error, 'connect')
      })
      const wrapped = known.get(client) ?? wrap(client)
      known.set(client, wrapped)
      return wrapped
    },
    end: async () => await pool.end(),
  }
}

function wrap(client: pg.PoolClient): PostgresPoolClient {
  const hold = holderOf(client)
  function query<R>(statement: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>
  function query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  function query<R>(
    statement: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof statement !== 'string')
      throw new CertctlError('internal', 'Cursors are not used: lists are keyset pages')
    hold()
    return run<R>(client, statement, parameters)
  }
  return { query, release: () => client.release() }
}

/** What is asked before anybody waits for an answer goes out in one piece; the driver itself sends every statement by itself. */
function holderOf(client: pg.PoolClient): () => void {
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection
  let isHeld = false
  return () => {
    if (isHeld) return
    isHeld = true
    stream.cork()
    setImmediate(() => {
      isHeld = false
      stream.uncork()
    })
  }
}

const nameOf = createStatementNames()
const written = ['INSERT', 'UPDATE', 'DELETE', 'MERGE'] as const

async function run<R>(
  client: pg.PoolClient,
  statement: string,
  parameters: readonly unknown[],
): Promise<PostgresQueryResult<R>> {
  try {
    // Without values a statement may be several, as those of a migration are, which no name can stand for.
    const mayBeKept = parameters.length > 0 || (statement.startsWith('select ') && !statement.includes(';'))
    const text = asSent(statement, parameters)
    const { command, rowCount, rows } = await askDatabase(client, {
      name: mayBeKept ? nameOf(text) : undefined,
      text,
      values: parameters,
    })
    if (statement === 'commit' && command !== 'COMMIT') throw notCommitted()
    return { command: written.find((word) => word === command) ?? 'SELECT', rowCount: rowCount ?? 0, rows: rows as R[] }
  } catch (error) {
    const ours = databaseErrorOf(error, statement)
    // The server rolls back what it lost the connection of; why it was lost is what the caller must hear.
    if (statement === 'rollback' && ours !== error) return { command: 'SELECT', rowCount: 0, rows: [] }
    throw ours
  }
}

/** PostgreSQL answers a commit of a failed transaction with a rollback, and calls that success. */
function notCommitted(): CertctlError {
  return new CertctlError(
    'internal',
    'A statement of this transaction failed and its error was passed over; nothing was written',
  )
}
