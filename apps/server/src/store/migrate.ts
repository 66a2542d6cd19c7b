import { createHash } from 'node:crypto'
import { CertctlError } from '@certctl/core'
import { type Kysely, sql, type Transaction } from 'kysely'
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
}

/**
 * Brings the database to this program's shape; returns the names it applied. Copies that start together wait for one another. A database
 * that a newer program has shaped is used as it is: migrations only add, so that copies of both versions work on one database for as long
 * as an upgrade takes, and one of the older that is restarted meanwhile comes back.
 */
export async function migrate({ db, now, migrations = ourMigrations, onNewer }: MigrateOptions): Promise<string[]> {
  const applied: string[] = []
  for (;;) {
    const name = await db
      .transaction()
      .execute(async (transaction) => await applyNext(transaction, { migrations, now }))
    if (name === undefined) break
    applied.push(name)
  }
  const newer = (await readApplied(db)).map(({ name }) => name).filter((name) => !isOurs(migrations, name))
  if (newer.length > 0) onNewer?.(newer)
  return applied
}

async function applyNext(
  transaction: Transaction<Schema>,
  { migrations, now }: { migrations: readonly Migration[]; now: () => Date },
): Promise<string | undefined> {
  await sql`set local statement_timeout = 0`.execute(transaction)
  await sql`set local lock_timeout = 0`.execute(transaction)
  await sql`select pg_advisory_xact_lock(${lockNumber})`.execute(transaction)
  await refuseOldServer(transaction)
  await sql`create table if not exists certctl_migrations (name text primary key, checksum text not null, applied_at timestamptz not null)`.execute(
    transaction,
  )
  const next = nextOf(migrations, await readApplied(transaction))
  if (next === undefined) return undefined
  await sql.raw(next.sql).execute(transaction)
  await sql`insert into certctl_migrations (name, checksum, applied_at) values (${next.name}, ${checksumOf(next)}, ${now()})`.execute(
    transaction,
  )
  return next.name
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
