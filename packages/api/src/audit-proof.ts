/** The arithmetic of the record, and the check of it, so that the server, the command line and a stranger's script judge alike. RFC 6962 §2.1 hashing. */
import { z } from 'zod'

export type Sha256 = (bytes: Uint8Array) => Uint8Array

const text = new TextEncoder()

/** Hash of one entry, from its canonical text as stored. */
export function leafHash(canonical: string, sha256: Sha256): Uint8Array {
  if (leaf.length <= 3 * canonical.length) leaf = new Uint8Array(6 * canonical.length)
  return sha256(leaf.subarray(0, 1 + text.encodeInto(canonical, leaf.subarray(1)).written))
}

/** Filled over and over, which takes a tenth of making one for each. Its first octet stays zero. */
let leaf = new Uint8Array(4096)

/** RFC 6962 §2.1 Merkle tree hash over leaf hashes, in their order. */
export function merkleRoot(leaves: readonly Uint8Array[], sha256: Sha256, from = 0, to = leaves.length): Uint8Array {
  if (to - from < 2) return leaves[from] ?? sha256(new Uint8Array())
  const split = from + 2 ** Math.floor(Math.log2(to - from - 1))
  const left = merkleRoot(leaves, sha256, from, split)
  return sha256(pair(left, merkleRoot(leaves, sha256, split, to)))
}

/** What a head's chain becomes when a batch with this root is appended. The first `previous` is 32 zero octets. */
export function headHash(previous: Uint8Array, root: Uint8Array, sha256: Sha256): Uint8Array {
  return sha256(Uint8Array.from([...previous, ...root]))
}

/** What a checkpoint says of a head nobody has written to yet, and what the first batch of a head links to. */
export const emptyHead: Uint8Array = new Uint8Array(32)

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const headState = z.strictObject({ head: z.int().min(0), batch: z.int().min(0), hash })

/** Content of a checkpoint's signed text. `previous`: SHA-256 of the text of the checkpoint before it; 64 zeros for the first. */
export const auditCheckpointSchema = z.strictObject({
  at: z.iso.datetime(),
  heads: z.array(headState),
  previous: hash,
  sequence: z.int().min(1),
})

/** One line of an export: `header` first, then all checkpoints in order, then each head's batches in order, then `end`. */
export const auditRecordSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('header'),
    format: z.literal(1),
    exported_at: z.iso.datetime(),
    heads: z.array(headState),
    keys: z.array(z.strictObject({ key_id: z.string(), public_key_pem: z.string() })),
  }),
  z.strictObject({ kind: z.literal('checkpoint'), canonical: z.string(), key_id: z.string(), signature: z.base64() }),
  z.strictObject({
    kind: z.literal('batch'),
    head: z.int().min(0),
    batch: z.int().min(1),
    size: z.int().min(1),
    hash,
    entries: z.array(z.strictObject({ leaf: z.int().min(0), canonical: z.string(), leaf_hash: hash })),
  }),
  z.strictObject({ kind: z.literal('end'), batches: z.int().min(0), entries: z.int().min(0) }),
])
export type AuditRecord = z.output<typeof auditRecordSchema>
export type AuditCheckpointRecord = Extract<AuditRecord, { kind: 'checkpoint' }>

/** The first thing that is not as it was written. */
export const auditFaultSchema = z.object({
  kind: z.enum(['changed', 'removed', 'added', 'unreadable']),
  head: z.int().optional(),
  batch: z.int().optional(),
  leaf: z.int().optional(),
  entry_id: z.string().optional(),
  message: z.string(),
})
export type AuditFault = z.output<typeof auditFaultSchema>

export const auditVerdictSchema = z.object({
  ok: z.boolean(),
  entries: z.int(),
  batches: z.int(),
  checkpoints: z.int(),
  /** SHA-256 of the public keys that signed; compare with what was noted elsewhere. */
  key_ids: z.array(z.string()),
  last_checkpoint_at: z.string().optional(),
  fault: auditFaultSchema.optional(),
})
export type AuditVerdict = z.output<typeof auditVerdictSchema>

/** One JSON line of an export. */
export function parseAuditRecord(line: string): AuditRecord {
  return auditRecordSchema.parse(JSON.parse(line))
}

const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function hexOf(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += pairs[byte]
  return hex
}

/** Two hashes behind the octet of an inner node, likewise filled over and over. */
function pair(left: Uint8Array, right: Uint8Array): Uint8Array {
  node.set(left, 1)
  node.set(right, 33)
  return node
}
const node = Uint8Array.of(1, ...new Uint8Array(64))
