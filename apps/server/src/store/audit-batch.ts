import { leafHash, merkleRoot } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { AuditEntry } from './audit-entry.js'
import { canonicalJson } from './canonical-json.js'
import { createId } from './create-id.js'
import type { Schema } from './schema.js'
import { sha256 } from './sha256.js'

export interface AuditBatch {
  append(entry: AuditEntry): void
  /** Writes what was appended as one batch on a head that nobody else holds. Called once, right before the commit: the head is locked until then. */
  flush(): Promise<void>
}

interface Leaf extends AuditEntry {
  id: string
  canonical: string
  hash: Buffer
}

export function createAuditBatch(db: Kysely<Schema>, at: Date): AuditBatch {
  const leaves: Leaf[] = []
  let isWritten = false

  return {
    append(entry) {
      if (isWritten)
        throw new CertctlError('internal', `"${entry.action}" was recorded after its transaction had ended`)
      leaves.push(leafOf(entry, at))
    },
    async flush() {
      isWritten = true
      if (leaves.length === 0) return
      if ((await write(db, { leaves, at, head: anyFreeHead })) > 0) return
      const written = await write(db, { leaves, at, head: await headOnceFree(db) })
      if (written === 0) throw new CertctlError('internal', 'The audit record has no heads; audit_heads was emptied')
    },
  }
}

function leafOf(entry: AuditEntry, at: Date): Leaf {
  const id = createId('audit', at)
  const { action, resource_type, resource_id, details = {} } = entry
  const actor = { type: entry.actor.type, id: entry.actor.id, name: entry.actor.name }
  const canonical = canonicalJson({ id, at, actor, action, resource_type, resource_id, details })
  return { ...entry, id, canonical, hash: Buffer.from(leafHash(canonical, sha256)) }
}

const anyFreeHead = sql`select head, batch, hash from audit_heads order by head limit 1 for no key update skip locked`

/** All are held: waits for one, chosen beforehand, since a condition that draws lots would be asked again after the wait. */
async function headOnceFree(db: Kysely<Schema>): Promise<RawBuilder<unknown>> {
  const { rows } = await sql<{ head: number }>`select head from audit_heads order by random() limit 1`.execute(db)
  return sql`select head, batch, hash from audit_heads where head = ${rows[0]?.head ?? 0} for no key update`
}

/** One statement, so that the head is locked for one round trip and the commit only. */
async function write(
  db: Kysely<Schema>,
  { leaves, at, head }: { leaves: readonly Leaf[]; at: Date; head: RawBuilder<unknown> },
): Promise<number> {
  const root = Buffer.from(
    merkleRoot(
      leaves.map(({ hash }) => hash),
      sha256,
    ),
  )
  const result = await sql`
    with free as (${head}),
    advanced as (
      update audit_heads set batch = free.batch + 1, hash = sha256(free.hash || ${root}::bytea)
      from free where audit_heads.head = free.head
      returning audit_heads.head, audit_heads.batch, audit_heads.hash, free.hash as previous
    ),
    batch as (
      insert into audit_batches (head, batch, size, root, previous, hash, at)
      select head, batch, ${leaves.length}::integer, ${root}::bytea, previous, hash, ${at}::timestamptz from advanced
    )
    insert into audit_events (id, head, batch, leaf, leaf_hash, canonical, actor, actor_type, action, resource_type, resource_id, at)
    select entry.id, advanced.head, advanced.batch, entry.leaf - 1, entry.leaf_hash, entry.canonical,
      entry.actor, entry.actor_type, entry.action, entry.resource_type, entry.resource_id, ${at}::timestamptz
    from advanced, ${columnsOf(leaves)} with ordinality
      as entry (id, leaf_hash, canonical, actor, actor_type, action, resource_type, resource_id, leaf)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

function columnsOf(leaves: readonly Leaf[]): RawBuilder<unknown> {
  const texts = (of: (leaf: Leaf) => string) => sql`${leaves.map(of)}::text[]`
  return sql`unnest(${texts(({ id }) => id)}, ${leaves.map(({ hash }) => hash)}::bytea[], ${texts(({ canonical }) => canonical)},
    ${texts(({ actor }) => actor.name)}, ${texts(({ actor }) => actor.type)}, ${texts(({ action }) => action)},
    ${texts(({ resource_type }) => resource_type)}, ${texts(({ resource_id }) => resource_id)})`
}
