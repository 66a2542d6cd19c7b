import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, closeSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { CertctlError } from '@certctl/core'
import pg from 'pg'
import { connectionOf, type DatabaseAddress } from '../database.js'
import type { Binaries } from './binaries.js'
import { removeStalePid, runningPostmaster } from './postmaster-pid.js'
import type { RunAs } from './run-as.js'

export interface PostmasterOptions {
  directory: string
  data: string
  binaries: Binaries
  who: RunAs
  address: DatabaseAddress
  /** Further `postgresql.conf` settings. */
  settings?: Readonly<Record<string, string>> | undefined
}

const startLimitMs = 60_000
const largestLog = 10 * 1024 * 1024

/** Makes sure that the database answers: uses the server that runs, or starts one. Says which it was. */
export async function ensureRunning(options: PostmasterOptions): Promise<{ adopted: boolean }> {
  if (await answers(options.address)) return { adopted: true }
  if (runningPostmaster(options.data) !== undefined) {
    await untilAnswers(options, () => runningPostmaster(options.data) === undefined)
    return { adopted: true }
  }
  await removeStalePid(options.data)
  await start(options)
  return { adopted: false }
}

/** Whether a connection can be made with our password. */
async function answers(address: DatabaseAddress): Promise<boolean> {
  const client = new pg.Client({ ...connectionOf(address), connectionTimeoutMillis: 5000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch (error) {
    if (isRefusedPassword(error))
      throw new CertctlError(
        'config_invalid',
        'The embedded database refuses the password of its own file; restore the file "password" beside the data',
        { cause: error },
      )
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

function isRefusedPassword(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '28P01' || error.code === '28000')
}

/** Backends of a killed postmaster need a moment to notice: PostgreSQL refuses to start beside them, and is asked again. */
async function start(options: PostmasterOptions): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const child = launch(options)
    let exited = false
    child.once('exit', () => {
      exited = true
    })
    child.once('error', () => {
      exited = true
    })
    try {
      await untilAnswers(options, () => exited)
      return
    } catch (error) {
      if (attempt >= 50 || !/pre-existing shared memory block/.test(tailOf(options.directory))) throw error
      await wait(200)
    }
  }
}

function launch({ directory, data, binaries, who, settings = {} }: PostmasterOptions): ChildProcess {
  const log = openLog(directory, who)
  const all = {
    listen_addresses: '',
    unix_socket_directories: directory,
    unix_socket_permissions: '0700',
    shared_buffers: '128MB',
    ...settings,
  }
  try {
    // Of its own session, so that an interrupt meant for us does not end it before we are done with it.
    const child = spawn(
      join(binaries.folder, 'postgres'),
      ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { ...who, cwd: '/', detached: true, stdio: ['ignore', log, log], env: { LC_ALL: 'C', TZ: 'UTC' } },
    )
    child.unref()
    return child
  } finally {
    closeSync(log)
  }
}

function logFile(directory: string): string {
  return join(directory, 'postgres.log')
}

function openLog(directory: string, { uid, gid }: RunAs): number {
  const path = logFile(directory)
  const handle = openSync(path, 'a', 0o600)
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
  if (statSync(path).size > largestLog) truncateSync(path)
  return handle
}

function tailOf(directory: string): string {
  return readFileSync(logFile(directory), 'utf8').slice(-2000)
}

async function untilAnswers(options: PostmasterOptions, hasEnded: () => boolean): Promise<void> {
  for (let waited = 0; waited < startLimitMs; waited += 20) {
    if (await answers(options.address)) return
    if (hasEnded())
      throw new CertctlError('internal', `The embedded database ended while it started:\n${tailOf(options.directory)}`)
    await wait(20)
  }
  throw new CertctlError(
    'internal',
    `The embedded database did not answer within ${startLimitMs / 1000} s:\n${tailOf(options.directory)}`,
  )
}

const stopLimitMs = 30_000

/** Fast shutdown: transactions are rolled back, what was committed is on disk. */
export async function stopPostmaster(data: string): Promise<void> {
  const pid = runningPostmaster(data)
  if (pid === undefined) return
  process.kill(pid, 'SIGINT')
  for (let waited = 0; runningPostmaster(data) === pid; waited += 10) {
    if (waited >= stopLimitMs)
      throw new CertctlError(
        'internal',
        `The embedded database (process ${pid}) did not stop within ${stopLimitMs / 1000} s`,
      )
    await wait(10)
  }
}
