import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { CertctlError, Secret } from '@certctl/core'
import type { Binaries } from './binaries.js'
import type { RunAs } from './run-as.js'

/** Longer ones do not fit into a socket's address. */
const longestSocketPath = 106

/** The folder of the embedded database: for that user, nobody else's. */
export function prepareDirectory(directory: string, who: RunAs): void {
  const socket = join(directory, '.s.PGSQL.5432')
  if (Buffer.byteLength(socket) > longestSocketPath)
    throw new CertctlError(
      'config_invalid',
      `${directory} is too long a path: the database's socket ${socket} may have ${longestSocketPath} bytes; set CERTCTL_STATE_DIR to a shorter one`,
    )
  mkdirSync(dirname(directory), { recursive: true, mode: 0o711 })
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  own(directory, 0o700, who)
  refuseUnreachable(directory, who)
}

function own(path: string, mode: number, { uid, gid }: RunAs): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
  if ((statSync(path).mode & 0o777) !== mode) chmodSync(path, mode)
}

/** Asked as that user. A machine without the program "test" finds out a little later, less clearly. */
function refuseUnreachable(directory: string, who: RunAs): void {
  const { status } = spawnSync('test', ['-w', directory], { ...who, cwd: '/' })
  if (status !== 1) return
  throw new CertctlError(
    'config_invalid',
    `PostgreSQL runs as user ${who.uid ?? process.getuid?.()} and cannot enter ${directory}, because a folder above it is closed; set CERTCTL_STATE_DIR to a place everybody may pass through (such as /var/lib/certctl)`,
  )
}

export interface Cluster {
  data: string
  password: Secret
}

/** The database's files: made on first use, under another name until they are whole. */
export function prepareCluster(directory: string, who: RunAs, binaries: Binaries): Cluster {
  const data = join(directory, 'data')
  const passwordFile = join(directory, 'password')
  if (existsSync(join(data, 'PG_VERSION'))) refuseOtherMajor(data, binaries)
  else initialise({ data, passwordFile, who, binaries })
  return { data, password: new Secret(readFileSync(passwordFile, 'utf8').trim()) }
}

function refuseOtherMajor(data: string, { major }: Binaries): void {
  const found = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()
  if (Number(found) === major) return
  throw new CertctlError(
    'conflict',
    `${data} was written by PostgreSQL ${found}, this certctl brings PostgreSQL ${major}, which does not read it. ` +
      `Dump the database with PostgreSQL ${found} (pg_dump), move ${data} away, start certctl-server once, and restore the dump; or run PostgreSQL ${found} yourself and set CERTCTL_DATABASE_URL`,
  )
}

interface InitialiseOptions {
  data: string
  passwordFile: string
  who: RunAs
  binaries: Binaries
}

function initialise({ data, passwordFile, who, binaries }: InitialiseOptions): void {
  const unfinished = `${data}.init`
  rmSync(unfinished, { recursive: true, force: true })
  writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true })
  own(passwordFile, 0o600, who)
  const argv = ['-D', unfinished, '-U', 'certctl', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8']
  const { status, error, stderr } = spawnSync(
    join(binaries.folder, 'initdb'),
    [...argv, '--data-checksums', ...localeArguments(binaries)],
    { ...who, cwd: '/', encoding: 'utf8', env: { LC_ALL: 'C' } },
  )
  if (status !== 0)
    throw new CertctlError(
      'internal',
      `The embedded database could not be made in ${unfinished}: ${error?.message ?? stderr.trim().slice(-600)}`,
    )
  renameSync(unfinished, data)
  syncFolder(dirname(data))
}

/** A locale that no operating system's upgrade changes under the indexes. */
function localeArguments({ major }: Binaries): string[] {
  if (major < 17) return ['--locale=C']
  return ['--locale=C.UTF-8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
}

function syncFolder(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
