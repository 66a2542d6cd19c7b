import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type AuditCheckpointRecord, type AuditVerdict, auditRecordSchema, verifyAudit } from '@certctl/api'
import type { Services } from '../services.js'
import { sha256 } from '../store/sha256.js'
import { auditRecords } from './records.js'
import { auditSigningKey, keyIdOf, verifySignature } from './signing-key.js'

/** Verifies the whole record as of now, slice by slice, against its own signed checkpoints and those in `CERTCTL_AUDIT_CHECKPOINT_FILE`. */
export async function verifyRecord(services: Services): Promise<AuditVerdict> {
  const key = await auditSigningKey(services)
  const shipped = await readShipped(services.config.audit_checkpoint_file)
  const at = services.clock.now()
  return await services.store.snapshot(
    async (tables) =>
      await verifyAudit(auditRecords({ tables, at, key }), {
        sha256,
        verifySignature,
        keyIdOf,
        shipped,
        trustedKeyIds: [key.keyId],
      }),
  )
}

/** Read before the snapshot: a checkpoint taken in between may name batches that the snapshot does not have. */
async function readShipped(path: string | undefined): Promise<AuditCheckpointRecord[]> {
  if (path === undefined || !existsSync(path)) return []
  return (await readFile(path, 'utf8')).split('\n').flatMap(readLine)
}

/** A line that was torn by a crash is the line of a checkpoint that was never committed: it says nothing. */
function readLine(line: string): AuditCheckpointRecord[] {
  try {
    const record = auditRecordSchema.parse(JSON.parse(line))
    return record.kind === 'checkpoint' ? [record] : []
  } catch {
    return []
  }
}
