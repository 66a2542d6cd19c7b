import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { CertctlError, messageOf } from '@certctl/core'
import { type Kysely, sql, type Transaction } from 'kysely'
import { isLockTimeout, isWorthAnotherTry } from './database-error.js'
import { type Migration, migrations as ourMigrations } from './migrations/index.js'
import type { Schema } from './schema.js'

/** Any number will do, as long as every version of this program takes the same. */
const lockNumber = 4_201_337
const oldestVersion = 150_000

export interface MigrateOptions {
  db: Kysely<Schema>
  now: () => Date
  migrations?: readonly Migration[] | undefined
  /** Told the names of migrations that only a newer program knows. */
  onNewer?: ((names: readonly string[]) => void) | undefined
  /** How long a migration waits for one lock, with everybody who comes after it, before it lets them pass and tries again. */
  lockSeconds?: number | undefined
  /** Told of each try that found copies at work in its way, and once a minute while another copy migrates. */
  onBusy?: ((reason: string) => void) | undefined
  /** Fires when nobody waits for it any longer. */
  cancelled?: AbortSignal | undefined
}

/**
 * Brings the database to this program's shape; returns the names it applied. Copies that start together wait for one another. A database
 * that a newer program has shaped is used as it is: migrations only add, so that copies of both versions work on one database for as long
 * as an upgrade takes, and one of the older that is restarted meanwhile comes back.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const { db, migrations = ourMigrations, onNewer } = options
  const applied: string[] = []
  for (let looks = 0; ; ) {
    const step = await patiently(options, async () => {
      return await db.transaction().execute(async (transaction) => await applyNext(transaction, options))
    })
    if (step === 'all applied') break
    if (step === 'another copy migrates') await letItMigrate(options, looks++)
    else applied.push(step.name)
  }
  const newer = (await readApplied(db)).map(({ name }) => name).filter((name) => !isOurs(migrations, name))
  if (newer.length > 0) onNewer?.(newer)
  return applied
}

const usualLockSeconds = 3
const tries = 60

/**
 * Older copies work on while a newer one migrates, and may hold what it needs while they wait for what it holds. PostgreSQL ends one of
 * the two; a copy asks again by itself, and so does a migration, of which nothing is left.
 */
async function patiently<T>(options: MigrateOptions, attempt: () => Promise<T>): Promise<T> {
  const { lockSeconds = usualLockSeconds, onBusy, cancelled } = options
  for (let count = 1; ; count += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!(isWorthAnotherTry(error) || isLockTimeout(error))) throw error
      if (count === tries) throw tooBusy(error)
      onBusy?.(messageOf(error))
      await wait((lockSeconds * 1000) / 3, undefined, { signal: cancelled }).catch(() => {
        throw error
      })
    }
  }
}

const lookMs = 200
/** Copies that start together look one after the other whether there is anything to do: that is nothing to tell. */
const quietLooks = 10
const looksPerMinute = 300

/** However long that takes: how much there is to do is nobody's fault. Ends when nobody waits for this copy any longer. */
async function letItMigrate({ onBusy, cancelled }: MigrateOptions, looks: number): Promise<void> {
  const reason = `Another copy migrates the database: it holds the advisory lock ${lockNumber}`
  if (looks % looksPerMinute === quietLooks) onBusy?.(reason)
  await wait(lookMs, undefined, { signal: cancelled }).catch(() => {
    throw new CertctlError('upstream_unavailable', `${reason}, and this one was stopped while it waited for that`)
  })
}

function tooBusy(error: unknown): CertctlError {
  return new CertctlError(
    'upstream_unavailable',
    `The database could not be migrated: in ${tries} tries somebody always held what had to change. See who does, as a superuser or a member of pg_monitor, with "select pid, usename, application_name, xact_start, query from pg_stat_activity where datname = current_database() and xact_start is not null order by xact_start"; let that end (a backup, an open psql), and start this copy again`,
    { cause: error },
  )
}

async function applyNext(
  transaction: Transaction<Schema>,
  { migrations = ourMigrations, now, lockSeconds = usualLockSeconds }: MigrateOptions,
): Promise<{ name: string } | 'all applied' | 'another copy migrates'> {
  await sql`set local statement_timeout = 0`.execute(transaction)
  await sql`select set_config('lock_timeout', ${`${lockSeconds * 1000}ms`}, true)`.execute(transaction)
  const { rows } = await sql<{ ours: boolean }>`select pg_try_advisory_xact_lock(${lockNumber}) as ours`.execute(
    transaction,
  )
  if (rows[0]?.ours !== true) return 'another copy migrates'
  await refuseOldServer(transaction)
  await sql`create table if not exists certctl_migrations (name text primary key, checksum text not null, applied_at timestamptz not null)`.execute(
    transaction,
  )
  const next = nextOf(migrations, await readApplied(transaction))
  if (next === undefined) return 'all applied'
  await sql.raw(next.sql).execute(transaction)
  await sql`insert into certctl_migrations (name, checksum, applied_at) values (${next.name}, ${checksumOf(next)}, ${now()})`.execute(
    transaction,
  )
  return { name: next.name }
}

async function refuseOldServer(transaction: Transaction<Schema>): Promise<void> {
  const { rows } = await sql<{ number: number; name: string }>`
    select current_setting('server_version_num')::integer as number, current_setting('server_version') as name`.execute(
    transaction,
  )
  const [version] = rows
  if (version === undefined || version.number < oldestVersion)
    throw new CertctlError(
      'config_invalid',
      `The database is PostgreSQL ${version?.name}; certctl needs PostgreSQL 15 or newer`,
    )
}

interface Applied {
  name: string
  checksum: string
}

async function readApplied(db: Kysely<Schema>): Promise<readonly Applied[]> {
  const { rows } = await sql<Applied>`select name, checksum from certctl_migrations order by name`.execute(db)
  return rows
}

function isOurs(migrations: readonly Migration[], name: string): boolean {
  return migrations.some((migration) => migration.name === name)
}

/** The first migration that is not applied yet. Throws when the database was shaped by another program than this one and those after it. */
function nextOf(migrations: readonly Migration[], applied: readonly Applied[]): Migration | undefined {
  const newest = migrations.at(-1)?.name ?? ''
  for (const { name, checksum } of applied) {
    const ours = migrations.find((migration) => migration.name === name)
    if (ours === undefined && name > newest) continue
    if (ours === undefined)
      throw new CertctlError(
        'conflict',
        `The database has the migration ${name}, which this certctl does not know and which is no newer one; start the version that made it, or restore the backup made before`,
      )
    if (checksumOf(ours) !== checksum)
      throw new CertctlError(
        'conflict',
        `Migration ${name} is not the one that was applied to this database; a released migration must not change`,
      )
  }
  const done = new Set(applied.map(({ name }) => name))
  return migrations.find(({ name }) => !done.has(name))
}

function checksumOf(migration: Migration): string {
  return createHash('sha256').update(migration.sql).digest('hex')
}
