import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { type AuditCheckpointRecord, auditCheckpointSchema } from '@certctl/api'
import { CertctlError, messageOf } from '@certctl/core'
import type { Services } from '../services.js'
import type { HeadState } from '../store/audit-heads.js'
import { canonicalJson } from '../store/canonical-json.js'
import { auditSigningKey } from './signing-key.js'

const beforeFirst = { previous: '0'.repeat(64), sequence: 0, heads: [] as readonly HeadState[] }

/**
 * Signs the state of all heads, unless it is the one signed last; says whether it did. Called every minute, by whichever copy comes first.
 * The line is in `CERTCTL_AUDIT_CHECKPOINT_FILE` before the row is committed: a file that cannot be written leaves neither.
 */
export async function takeCheckpoint(services: Services): Promise<boolean> {
  const key = await auditSigningKey(services)
  return await services.store.transaction(async (tx) => {
    await tx.auditCheckpoints.lock()
    const newest = await tx.auditCheckpoints.newest()
    const heads = await tx.auditHeads.list()
    const last = newest === undefined ? beforeFirst : contentOf(newest.canonical)
    if (canonicalJson(heads) === canonicalJson(last.heads) || heads.every(({ batch }) => batch === 0)) return false
    const { previous, sequence } = last
    const canonical = canonicalJson({ at: tx.now, heads, previous, sequence: sequence + 1 })
    const row = { canonical, key_id: key.keyId, signature: key.sign(canonical), at: tx.now }
    await tx.auditCheckpoints.insert(row)
    await ship(services.config.audit_checkpoint_file, recordOf(row))
    return true
  })
}

/** What the next checkpoint needs to know of this one; `previous` is the link to it. */
function contentOf(canonical: string): typeof beforeFirst {
  const { heads, sequence } = auditCheckpointSchema.parse(JSON.parse(canonical))
  return { heads, sequence, previous: createHash('sha256').update(canonical).digest('hex') }
}

/** The line that exports and the checkpoint file carry. */
export function recordOf(row: { canonical: string; key_id: string; signature: Buffer }): AuditCheckpointRecord {
  const { canonical, key_id, signature } = row
  return { kind: 'checkpoint', canonical, key_id, signature: signature.toString('base64') }
}

async function ship(path: string | undefined, record: AuditCheckpointRecord): Promise<void> {
  if (path === undefined) return
  try {
    const file = await open(path, 'a', 0o600)
    try {
      // A line of its own, also behind one that a crash tore.
      await file.appendFile(`\n${JSON.stringify(record)}\n`)
      await file.datasync()
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw new CertctlError('internal', `The checkpoint could not be written to ${path}: ${messageOf(cause)}`, { cause })
  }
}
