import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@certctl/core'
import pg from 'pg'
import { connectionOf, type DatabaseAddress, openDatabase } from '../../apps/server/src/store/database.js'
import { runningPostmaster } from '../../apps/server/src/store/embedded/postmaster-pid.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../apps/server/src/store/embedded-postgres.js'
import { migrate } from '../../apps/server/src/store/migrate.js'
import type { Meter } from '../harness.js'

/** A PostgreSQL as durable as in production, for as long as a bench runs. */
export interface BenchPostgres {
  /** A database with all tables. */
  database(name: string): Promise<DatabaseAddress & { url: Secret }>
  /** The CPU of this process and of all of PostgreSQL. */
  meter: Meter
  close(): Promise<void>
}

export async function startBenchPostgres(): Promise<BenchPostgres> {
  const directory = mkdtempSync(join(tmpdir(), 'certctl-bench-'))
  chmodSync(directory, 0o711)
  const log = { info: () => undefined, warn: () => undefined }
  const server = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), log, maxConnections: 120 })
  const postmaster = runningPostmaster(join(directory, 'postgres', 'data')) ?? 0
  return {
    database: async (name) => await makeDatabase(server, name),
    meter: { cpuMicroseconds: () => ownCpu() + cpuBelow(postmaster) },
    async close() {
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function makeDatabase(server: EmbeddedPostgres, name: string): Promise<{ url: Secret }> {
  const { host, user, password } = server.address as Extract<DatabaseAddress, { host: string }>
  const urlOf = (database: string) =>
    `postgres://${user}:${encodeURIComponent(password.reveal())}@localhost/${database}?host=${encodeURIComponent(host)}`
  const client = new pg.Client(connectionOf({ url: new Secret(urlOf('postgres')) }))
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const address = { url: new Secret(urlOf(name)) }
  const { db, close } = openDatabase({ address, maxConnections: 2 })
  await migrate({ db, now: () => new Date('2026-01-01T00:00:00Z') })
  await close()
  return address
}

function ownCpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

const tickMicroseconds = 10_000

/** Of a process, its children, and those of them that have ended. */
function cpuBelow(pid: number): number {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return all.reduce((sum, name) => sum + ticksOf(name, pid), 0) * tickMicroseconds
}

function ticksOf(name: string, postmaster: number): number {
  try {
    const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    const isOurs = Number(name) === postmaster || Number(fields[1]) === postmaster
    const ended = Number(name) === postmaster ? Number(fields[13]) + Number(fields[14]) : 0
    return isOurs ? Number(fields[11]) + Number(fields[12]) + ended : 0
  } catch {
    // Ended while it was read.
    return 0
  }
}
