import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { Secret } from '@certctl/core'
import pg from 'pg'
import { connectionOf, type DatabaseAddress, openDatabase } from '../../../apps/server/src/store/database.js'
import { runningPostmaster } from '../../../apps/server/src/store/embedded/postmaster-pid.js'
import { startEmbeddedPostgres } from '../../../apps/server/src/store/embedded-postgres.js'
import { createStatementNames } from '../../../apps/server/src/store/kept-plans.js'
import { migrate } from '../../../apps/server/src/store/migrate.js'

/** A PostgreSQL for simulations: nothing in it is worth an fsync. */
export interface SimulationPostgres {
  /** Of its owner, for this machine only. */
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/** Starts one in a folder of its own, which is removed when it stops. */
export async function startPostgres(directory: string): Promise<SimulationPostgres> {
  mkdirSync(directory, { recursive: true })
  // PostgreSQL runs as an ordinary user and must be able to pass.
  chmodSync(directory, 0o711)
  const server = await startEmbeddedPostgres({
    directory: `${directory}/postgres`,
    log: { info: () => undefined, warn: () => undefined },
    maxConnections: 60,
    settings: {
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      jit: 'off',
      autovacuum: 'off',
      shared_buffers: '512MB',
      max_wal_size: '4GB',
      wal_level: 'minimal',
      max_wal_senders: '0',
    },
  }).catch((error: unknown) => {
    rmSync(directory, { recursive: true, force: true })
    throw error
  })
  const { host, user, password } = server.address as Extract<DatabaseAddress, { host: string }>
  const pid = runningPostmaster(`${directory}/postgres/data`)
  if (pid === undefined) throw new Error(`PostgreSQL of ${directory} has ended`)
  return {
    pid,
    url: `postgres://${user}:${encodeURIComponent(password.reveal())}@localhost/postgres?host=${encodeURIComponent(host)}`,
    async stop() {
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A connection of the simulator's own, for what it asks about the rows from outside. */
export interface Sql {
  rows<Row extends object>(statement: string, parameters?: readonly unknown[]): Promise<Row[]>
}

export interface SimulationDatabase {
  readonly address: DatabaseAddress
  readonly sql: Sql
  close(): Promise<void>
}

/** A fresh database with the server's tables; dropped when it is closed. */
export async function createDatabase(server: string, name: string): Promise<SimulationDatabase> {
  await ask(server, `drop database if exists ${name} with (force)`)
  await ask(server, `create database ${name} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const address: DatabaseAddress = { url: new Secret(url.href) }
  const database = openDatabase({ address, maxConnections: 1 })
  await migrate({ db: database.db, now: () => new Date('2026-01-01T00:00:00Z') })
  await database.close()
  const client = new pg.Client(connectionOf(address))
  const nameOf = createStatementNames()
  await client.connect()
  return {
    address,
    sql: {
      rows: async (text, parameters = []) =>
        (await client.query({ name: nameOf(text), text, values: [...parameters] })).rows,
    },
    async close() {
      await client.end()
      await ask(server, `drop database if exists ${name} with (force)`)
    },
  }
}

async function ask(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
