import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import {
  type AuditCheckpointRecord,
  type AuditRecord,
  type AuditVerdict,
  emptyHead,
  headHash,
  hexOf,
  leafHash,
  merkleRoot,
  verifyExport,
} from '../src/index.js'

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()
export const hash = (text: string): Uint8Array => sha256(new TextEncoder().encode(text))

export function newKey(): { keyId: string; pem: string; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  return { pem, privateKey, keyId: keyIdOf(pem) }
}

export function keyIdOf(pem: string): string {
  return hexOf(sha256(createPublicKey(pem).export({ type: 'spki', format: 'der' })))
}

export const tools = {
  sha256,
  keyIdOf,
  verifySignature: (pem: string, message: string, signature: string) =>
    verify(null, Buffer.from(message), createPublicKey(pem), Buffer.from(signature, 'base64')),
}
export const key = newKey()

export type Batch = Extract<AuditRecord, { kind: 'batch' }>
type Head = { head: number; batch: number; hash: string }

/** A writer as simple as can be: what it makes must verify. */
export function record(plan: readonly { head: number; size: number; checkpoint?: boolean | undefined }[]) {
  const heads = new Map<number, Head>()
  const batches: Batch[] = []
  const checkpoints: AuditCheckpointRecord[] = []
  for (const { head, size, checkpoint } of plan) {
    const before = heads.get(head) ?? { head, batch: 0, hash: hexOf(emptyHead) }
    const entries = Array.from({ length: size }, (_, leaf) =>
      entryOf(`audit-${head}-${before.batch + 1}-${leaf}`, leaf),
    )
    const batch = linked({ head, batch: before.batch + 1, entries }, before.hash)
    batches.push(batch)
    heads.set(head, { head, batch: batch.batch, hash: batch.hash })
    if (checkpoint === true) checkpoints.push(checkpointOf([...heads.values()], checkpoints))
  }
  return { heads: [...heads.values()], batches, checkpoints }
}

export function entryOf(id: string, leaf: number, action = 'thing.made') {
  const canonical = JSON.stringify({ action, at: '2026-11-25T12:00:00.000Z', id })
  return { leaf, canonical, leaf_hash: hexOf(leafHash(canonical, sha256)) }
}

export function linked({ head, batch, entries }: Pick<Batch, 'head' | 'batch' | 'entries'>, previous: string): Batch {
  const root = merkleRoot(
    entries.map(({ leaf_hash }) => Buffer.from(leaf_hash, 'hex')),
    sha256,
  )
  const hashed = hexOf(headHash(Buffer.from(previous, 'hex'), root, sha256))
  return { kind: 'batch', head, batch, size: entries.length, hash: hashed, entries }
}

export function checkpointOf(
  heads: readonly Head[],
  before: readonly AuditCheckpointRecord[],
  signer = key,
): AuditCheckpointRecord {
  const last = before.at(-1)
  const canonical = JSON.stringify({
    at: '2026-11-25T12:01:00.000Z',
    heads,
    previous: last === undefined ? '0'.repeat(64) : hexOf(hash(last.canonical)),
    sequence: before.length + 1,
  })
  const signature = sign(null, Buffer.from(canonical), signer.privateKey).toString('base64')
  return { kind: 'checkpoint', canonical, key_id: signer.keyId, signature }
}

export interface Written {
  heads: readonly Head[]
  batches: readonly Batch[]
  checkpoints: readonly AuditCheckpointRecord[]
}

export function recordsOf({ heads, batches, checkpoints }: Written): AuditRecord[] {
  const sorted = [...batches].sort((one, other) => one.head - other.head || one.batch - other.batch)
  return [
    {
      kind: 'header',
      format: 1,
      exported_at: '2026-11-25T12:02:00.000Z',
      heads: [...heads],
      keys: [{ key_id: key.keyId, public_key_pem: key.pem }],
    },
    ...checkpoints,
    ...sorted,
    { kind: 'end', batches: sorted.length, entries: sorted.reduce((sum, { entries }) => sum + entries.length, 0) },
  ]
}

export async function check(records: readonly AuditRecord[], more: object = {}): Promise<AuditVerdict> {
  return await verifyExport(linesOf(records.map((found) => JSON.stringify(found))), { ...tools, ...more })
}

export async function* linesOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

export const plan = [
  { head: 0, size: 1 },
  { head: 0, size: 3, checkpoint: true },
  { head: 3, size: 2 },
  { head: 0, size: 1, checkpoint: true },
  { head: 3, size: 5 },
]
