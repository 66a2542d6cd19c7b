import {
  type AuditCheckpointRecord,
  type AuditFault,
  type AuditRecord,
  type AuditVerdict,
  auditCheckpointSchema,
  emptyHead,
  headHash,
  hexOf,
  leafHash,
  merkleRoot,
  parseAuditRecord,
  type Sha256,
} from './audit-proof.js'

export interface AuditTools {
  sha256: Sha256
  /** Ed25519. */
  verifySignature(publicKeyPem: string, message: string, signatureBase64: string): boolean
  /** SHA-256 of the key's SPKI, lower-case hex. */
  keyIdOf(publicKeyPem: string): string
  /** Checkpoints kept outside (`CERTCTL_AUDIT_CHECKPOINT_FILE`): what they name must still be there. */
  shipped?: readonly AuditCheckpointRecord[] | undefined
  /** Key ids that may sign; absent: those the export brings. */
  trustedKeyIds?: readonly string[] | undefined
}

type Batch = Extract<AuditRecord, { kind: 'batch' }>
type Header = Extract<AuditRecord, { kind: 'header' }>
type End = Extract<AuditRecord, { kind: 'end' }>

interface Progress {
  tools: AuditTools
  header?: Header
  keys: Map<string, string>
  heads: Map<number, { batch: number; hash: Uint8Array; agreed: number; firstOfRange?: string | undefined }>
  /** What checkpoints say the chain was at a batch, by head and batch; taken out once met. */
  expected: Map<string, { hash: string; checkpoint: string }>
  previousCheckpoint: string
  entries: number
  batches: number
  checkpoints: number
  lastCheckpointAt?: string
  ended: boolean
}

/** Checks an export, line by line. Anything that cannot be read is a fault, never an exception. */
export async function verifyExport(lines: AsyncIterable<string>, tools: AuditTools): Promise<AuditVerdict> {
  return await verifyAudit(recordsOf(lines), tools)
}

async function* recordsOf(
  lines: AsyncIterable<string>,
): AsyncIterable<AuditRecord | { kind: 'fault'; fault: AuditFault }> {
  let number = 0
  for await (const line of lines) {
    number += 1
    if (line.trim() === '') continue
    yield readLine(line, number)
  }
}

function readLine(line: string, number: number): AuditRecord | { kind: 'fault'; fault: AuditFault } {
  try {
    return parseAuditRecord(line)
  } catch {
    return {
      kind: 'fault',
      fault: { kind: 'unreadable', message: `Line ${number} is not a record of an audit export` },
    }
  }
}

/**
 * Recomputes every leaf, root and chain, and compares them with the heads and with each signed checkpoint. Stops at the first fault.
 * Whoever can write the database can rewrite a chain as a whole; what they cannot do is sign, so the part older than the newest
 * checkpoint kept outside is safe from them, and the minute after it is not.
 */
export async function verifyAudit(
  records: AsyncIterable<AuditRecord | { kind: 'fault'; fault: AuditFault }>,
  tools: AuditTools,
): Promise<AuditVerdict> {
  const progress: Progress = {
    tools,
    keys: new Map(),
    heads: new Map(),
    expected: new Map(),
    previousCheckpoint: '0'.repeat(64),
    entries: 0,
    batches: 0,
    checkpoints: 0,
    ended: false,
  }
  for await (const record of records) {
    const fault = record.kind === 'fault' ? record.fault : step(progress, record)
    if (fault !== undefined) return verdictOf(progress, fault)
  }
  return verdictOf(progress, faultAtEnd(progress))
}

function verdictOf(progress: Progress, fault: AuditFault | undefined): AuditVerdict {
  const { entries, batches, checkpoints, lastCheckpointAt } = progress
  return {
    ok: fault === undefined,
    entries,
    batches,
    checkpoints,
    key_ids: [...progress.keys.keys()],
    ...(lastCheckpointAt === undefined ? {} : { last_checkpoint_at: lastCheckpointAt }),
    ...(fault === undefined ? {} : { fault }),
  }
}

function step(progress: Progress, record: AuditRecord): AuditFault | undefined {
  if (record.kind === 'header') return readHeader(progress, record)
  if (progress.header === undefined) return unreadable('The export does not begin with its header')
  if (progress.ended) return unreadable('The export goes on after its end')
  if (record.kind === 'checkpoint') return readCheckpoint(progress, record)
  if (record.kind === 'batch') return readBatch(progress, record)
  return readEnd(progress, record)
}

function unreadable(message: string): AuditFault {
  return { kind: 'unreadable', message }
}

function readHeader(progress: Progress, header: Header): AuditFault | undefined {
  if (progress.header !== undefined) return unreadable('The export has two headers')
  progress.header = header
  for (const { key_id, public_key_pem } of header.keys) {
    if (keyIdOrNothing(progress, public_key_pem) !== key_id)
      return { kind: 'changed', message: `The signing key ${key_id} is not the key that its id was computed from` }
    progress.keys.set(key_id, public_key_pem)
  }
  for (const record of progress.tools.shipped ?? []) {
    const fault = expectHeads(progress, record, 'kept outside')
    if (fault !== undefined) return fault
  }
  return undefined
}

function readCheckpoint(progress: Progress, record: AuditCheckpointRecord): AuditFault | undefined {
  if (progress.batches > 0) return unreadable('A checkpoint stands behind batches')
  const fault = expectHeads(progress, record, 'stored')
  if (fault !== undefined) return fault
  const content = auditCheckpointSchema.parse(JSON.parse(record.canonical))
  progress.checkpoints += 1
  if (content.previous !== progress.previousCheckpoint || content.sequence !== progress.checkpoints)
    return {
      kind: 'removed',
      message: `Checkpoints before number ${content.sequence} of ${content.at} were removed or reordered`,
    }
  progress.previousCheckpoint = hexOf(progress.tools.sha256(new TextEncoder().encode(record.canonical)))
  progress.lastCheckpointAt = content.at
  return undefined
}

/** Checks the signature, and remembers what the chain must have been at each batch that the checkpoint names. */
function expectHeads(progress: Progress, record: AuditCheckpointRecord, where: string): AuditFault | undefined {
  const content = checkpointContent(record.canonical)
  if (content === undefined) return unreadable(`A checkpoint (${where}) cannot be read`)
  const name = `checkpoint ${content.sequence} of ${content.at} (${where})`
  if (!isSigned(progress, record)) return { kind: 'changed', message: `The signature of ${name} is not good` }
  for (const { head, batch, hash } of content.heads) {
    const known = progress.expected.get(`${head}:${batch}`)
    if (known !== undefined && known.hash !== hash)
      return {
        kind: 'changed',
        head,
        batch,
        message: `The chain of head ${head} was rewritten: at batch ${batch}, ${known.checkpoint} and ${name} differ`,
      }
    if (batch > 0) progress.expected.set(`${head}:${batch}`, { hash, checkpoint: name })
  }
  return undefined
}

function checkpointContent(canonical: string) {
  try {
    return auditCheckpointSchema.parse(JSON.parse(canonical))
  } catch {
    return undefined
  }
}

function isSigned(progress: Progress, record: AuditCheckpointRecord): boolean {
  const key = progress.keys.get(record.key_id)
  const trusted = progress.tools.trustedKeyIds?.includes(record.key_id) ?? true
  return key !== undefined && trusted && verifies(progress, key, record)
}

/** What reads keys and signatures may throw at what is none. */
function keyIdOrNothing({ tools }: Progress, publicKeyPem: string): string | undefined {
  try {
    return tools.keyIdOf(publicKeyPem)
  } catch {
    return undefined
  }
}

function verifies({ tools }: Progress, publicKeyPem: string, record: AuditCheckpointRecord): boolean {
  try {
    return tools.verifySignature(publicKeyPem, record.canonical, record.signature)
  } catch {
    return false
  }
}

function readBatch(progress: Progress, batch: Batch): AuditFault | undefined {
  const { sha256 } = progress.tools
  const head = progress.heads.get(batch.head) ?? { batch: 0, hash: emptyHead, agreed: 0 }
  const leaves = batch.entries.map(({ canonical }) => leafHash(canonical, sha256))
  const fault = faultOfPlace(batch, head.batch) ?? faultOfEntries(batch, leaves.map(hexOf))
  if (fault !== undefined) return fault
  const hash = headHash(head.hash, merkleRoot(leaves, sha256), sha256)
  if (hexOf(hash) !== batch.hash) return changedBatch(batch)
  const firstOfRange = head.firstOfRange ?? entryId(batch.entries[0]?.canonical ?? '')
  const key = `${batch.head}:${batch.batch}`
  const expected = progress.expected.get(key)
  if (expected !== undefined && expected.hash !== batch.hash)
    return rewritten({ batch, agreed: head.agreed, firstOfRange, checkpoint: expected.checkpoint })
  progress.expected.delete(key)
  const next = { batch: batch.batch, hash }
  progress.heads.set(
    batch.head,
    expected === undefined ? { ...next, agreed: head.agreed, firstOfRange } : { ...next, agreed: batch.batch },
  )
  progress.batches += 1
  progress.entries += batch.entries.length
  return undefined
}

function faultOfPlace({ head, batch, entries }: Batch, before: number): AuditFault | undefined {
  if (batch === before + 1) return undefined
  const first = entries[0]?.canonical ?? ''
  if (batch <= before)
    return { kind: 'added', head, batch, ...named(first), message: `Batch ${batch} of head ${head} is there twice` }
  return {
    kind: 'removed',
    head,
    batch: before + 1,
    message: `The entries of head ${head} from batch ${before + 1} to batch ${batch - 1} were removed; the next one is ${describe(first)}`,
  }
}

/** `hashes`: of what each entry says. */
function faultOfEntries({ head, batch, size, entries }: Batch, hashes: readonly string[]): AuditFault | undefined {
  for (const [position, { leaf, canonical, leaf_hash }] of entries.entries()) {
    const place = { head, batch, leaf: position }
    if (leaf > position)
      return {
        kind: 'removed',
        ...place,
        message: `Entry ${position} of batch ${batch} of head ${head} was removed; the next one is ${describe(canonical)}`,
      }
    if (leaf < position || leaf >= size)
      return {
        kind: 'added',
        ...place,
        ...named(canonical),
        message: `${describe(canonical)} was added to batch ${batch} of head ${head}`,
      }
    if (hashes[position] !== leaf_hash)
      return { kind: 'changed', ...place, ...named(canonical), message: `${describe(canonical)} was changed` }
  }
  if (entries.length === size) return undefined
  return {
    kind: 'removed',
    head,
    batch,
    leaf: entries.length,
    message: `Entry ${entries.length} of the ${size} in batch ${batch} of head ${head} was removed`,
  }
}

function changedBatch({ head, batch, entries }: Batch): AuditFault {
  const first = entries[0]?.canonical ?? ''
  const rest = entries.length === 1 ? '' : ` or one of the ${entries.length - 1} entries written with it`
  return {
    kind: 'changed',
    head,
    batch,
    ...named(first),
    message: `${describe(first)}${rest} was changed, added or removed together with its hash: batch ${batch} of head ${head} no longer follows from the batch before it`,
  }
}

function rewritten(options: { batch: Batch; agreed: number; firstOfRange: string; checkpoint: string }): AuditFault {
  const { batch, agreed, firstOfRange, checkpoint } = options
  return {
    kind: 'changed',
    head: batch.head,
    batch: agreed + 1,
    entry_id: firstOfRange,
    message: `Head ${batch.head} was rewritten somewhere from batch ${agreed + 1} (entry ${firstOfRange}) to batch ${batch.batch}: ${checkpoint} says otherwise`,
  }
}

function readEnd(progress: Progress, end: End): AuditFault | undefined {
  progress.ended = true
  if (end.batches === progress.batches && end.entries === progress.entries) return undefined
  const kind = end.entries > progress.entries ? 'removed' : 'added'
  return {
    kind,
    message: `The export ends with ${end.entries} entries in its count and ${progress.entries} in its lines`,
  }
}

function faultAtEnd(progress: Progress): AuditFault | undefined {
  if (progress.header === undefined) return unreadable('The export is empty')
  if (!progress.ended) return { kind: 'removed', message: 'The export stops before its end' }
  for (const { head, batch, hash } of progress.header.heads) {
    const found = progress.heads.get(head) ?? { batch: 0, hash: emptyHead }
    if (found.batch < batch) return missingTail(head, found.batch, `its head stands at batch ${batch}`)
    if (found.batch > batch) return addedTail(head, batch)
    if (hexOf(found.hash) !== hash)
      return { kind: 'changed', head, batch, message: `Head ${head} is not what its batches give` }
  }
  const known = new Set(progress.header.heads.map(({ head }) => head))
  for (const head of progress.heads.keys()) if (!known.has(head)) return addedTail(head, 0)
  for (const [key, { checkpoint }] of progress.expected) {
    const [head = 0] = key.split(':').map(Number)
    return missingTail(head, progress.heads.get(head)?.batch ?? 0, `${checkpoint} names batch ${key.split(':')[1]}`)
  }
  return undefined
}

function missingTail(head: number, last: number, evidence: string): AuditFault {
  return {
    kind: 'removed',
    head,
    batch: last + 1,
    message: `The entries of head ${head} from batch ${last + 1} on were removed: ${evidence}`,
  }
}

function addedTail(head: number, last: number): AuditFault {
  return {
    kind: 'added',
    head,
    batch: last + 1,
    message: `Batch ${last + 1} of head ${head} was added past where its head stands`,
  }
}

/** For people: what the entry says of itself, whether true or not. */
function describe(canonical: string): string {
  const { id, action, at } = sayings(canonical)
  return id === undefined
    ? 'an entry that cannot be read'
    : `entry ${id} (${action ?? 'no action'}, ${at ?? 'no time'})`
}

function entryId(canonical: string): string {
  return sayings(canonical).id ?? '?'
}

function named(canonical: string): { entry_id?: string } {
  const { id } = sayings(canonical)
  return id === undefined ? {} : { entry_id: id }
}

function sayings(canonical: string): { id?: string; action?: string; at?: string } {
  try {
    const parsed: unknown = JSON.parse(canonical)
    if (typeof parsed !== 'object' || parsed === null) return {}
    const texts = Object.entries(parsed).filter(([, value]) => typeof value === 'string')
    return Object.fromEntries(texts)
  } catch {
    return {}
  }
}
