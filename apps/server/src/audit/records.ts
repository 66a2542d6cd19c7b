import type { AuditFault, AuditRecord } from '@certctl/api'
import { headHash } from '@certctl/api'
import type { HeadState } from '../store/audit-heads.js'
import { canonicalJson } from '../store/canonical-json.js'
import { sha256 } from '../store/sha256.js'
import type { Tables } from '../store/tables.js'
import { recordOf } from './checkpoint.js'
import type { AuditSigningKey } from './signing-key.js'

/** A record of an export, or what is wrong with rows beside what an export carries. */
export type Found = AuditRecord | { kind: 'fault'; fault: AuditFault }

const sliceOfBatches = 200
const sliceOfCheckpoints = 500

export interface RecordsOptions {
  tables: Tables
  at: Date
  key: Pick<AuditSigningKey, 'keyId' | 'publicKeyPem'>
}

/** The whole record in the order of an export, read slice by slice; call within a snapshot. */
export async function* auditRecords({ tables, at, key }: RecordsOptions): AsyncGenerator<Found> {
  const heads = await tables.auditHeads.list()
  const keys = [{ key_id: key.keyId, public_key_pem: key.publicKeyPem }]
  yield { kind: 'header', format: 1, exported_at: at.toISOString(), heads, keys }
  yield* checkpoints(tables)
  let batches = 0
  let entries = 0
  for (const head of await allHeads(tables, heads))
    for await (const found of batchesOf(tables, head)) {
      if (found.kind === 'batch') batches += 1
      if (found.kind === 'batch') entries += found.entries.length
      yield found
    }
  yield* strayEntry(tables)
  yield { kind: 'end', batches, entries }
}

/** Those that `audit_heads` names, and those it was made to forget. */
async function allHeads(tables: Tables, heads: readonly HeadState[]): Promise<number[]> {
  const written = await tables.auditBatches.heads()
  return [...new Set([...heads.map(({ head }) => head), ...written])].sort((one, other) => one - other)
}

async function* checkpoints(tables: Tables): AsyncGenerator<Found> {
  for (let after = '0'; ; ) {
    const rows = await tables.auditCheckpoints.slice(after, sliceOfCheckpoints)
    for (const row of rows) yield recordOf(row)
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

async function* batchesOf(tables: Tables, head: number): AsyncGenerator<Found> {
  for (let after = 0; ; ) {
    const rows = await tables.auditBatches.slice({ head, batch: after }, sliceOfBatches)
    const [first, last] = [rows[0], rows.at(-1)]
    if (first === undefined || last === undefined) return
    const events = await tables.auditEvents.ofBatches({ head, from: Number(first.batch), to: Number(last.batch) })
    const perBatch = groupedByBatch(events)
    for (const row of rows) yield* foundOf(row, perBatch.get(row.batch) ?? [])
    after = Number(last.batch)
  }
}

type BatchRow = Awaited<ReturnType<Tables['auditBatches']['slice']>>[number]
type EventRow = Awaited<ReturnType<Tables['auditEvents']['ofBatches']>>[number]

function groupedByBatch(events: readonly EventRow[]): Map<string, EventRow[]> {
  const groups = new Map<string, EventRow[]>()
  for (const event of events) {
    const group = groups.get(event.batch)
    if (group === undefined) groups.set(event.batch, [event])
    else group.push(event)
  }
  return groups
}

function* foundOf(row: BatchRow, events: readonly EventRow[]): Generator<Found> {
  const { head, size } = row
  const batch = Number(row.batch)
  for (const event of events) if (!agrees(event)) yield { kind: 'fault', fault: columnFault(event) }
  const entries = events.map(({ leaf, canonical, leaf_hash }) => ({
    leaf,
    canonical,
    leaf_hash: leaf_hash.toString('hex'),
  }))
  yield { kind: 'batch', head, batch, size, hash: row.hash.toString('hex'), entries }
  if (!Buffer.from(headHash(row.previous, row.root, sha256)).equals(row.hash))
    yield {
      kind: 'fault',
      fault: { kind: 'changed', head, batch, message: `The link of batch ${batch} of head ${head} was changed` },
    }
}

/** The columns that searches use must say what the hashed text says. */
function agrees({ id, actor, actor_type, action, resource_type, resource_id, at, canonical }: EventRow): boolean {
  const columns = { id, actor, actor_type, action, resource_type, resource_id, at: at.toISOString() }
  return canonicalJson(columns) === canonicalJson(columnsOf(canonical))
}

function columnsOf(canonical: string): unknown {
  try {
    const { id, actor, action, resource_type, resource_id, at } = JSON.parse(canonical)
    return { id, actor: actor?.name, actor_type: actor?.type, action, resource_type, resource_id, at }
  } catch {
    // Not a text we wrote: so it agrees with nothing.
    return undefined
  }
}

function columnFault({ id, head, batch, leaf }: EventRow): AuditFault {
  const message = `The columns of entry ${id} were changed: they do not say what its text says`
  return { kind: 'changed', head, batch: Number(batch), leaf, entry_id: id, message }
}

async function* strayEntry(tables: Tables): AsyncGenerator<Found> {
  const stray = await tables.auditEvents.firstWithoutBatch()
  if (stray === undefined) return
  const { id, head, batch, leaf } = stray
  const message = `Entry ${id} was added: there is no batch ${batch} of head ${head} that it could belong to`
  yield { kind: 'fault', fault: { kind: 'added', head, batch: Number(batch), leaf, entry_id: id, message } }
}
