import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import {
  type AuditCheckpointRecord,
  type AuditTools,
  type AuditVerdict,
  parseAuditRecord,
  verifyExport,
} from '@certctl/api'
import { CertctlError, messageOf, z } from '@certctl/core'
import type { Cli } from '../../cli.js'
import { fileFault } from '../../file-fault.js'
import { fieldsText } from '../../output/table.js'
import { defineVerb } from '../../verb.js'

export const auditVerify = defineVerb({
  name: 'verify',
  summary: 'Checks the record: names the first entry that was changed, removed or added',
  examples: [
    'certctl audit verify',
    'certctl audit verify --file audit.jsonl --checkpoints /mnt/worm/checkpoints.jsonl',
  ],
  options: {
    '--file <file>': 'Check an export on this machine, without the server',
    '--checkpoints <file>': 'With --file: checkpoints kept outside (CERTCTL_AUDIT_CHECKPOINT_FILE of the server)',
    '--trust-key <id>...': 'With --file: key id that may have signed checkpoints; all in the export where not given',
  },
  given: z
    .object({
      file: z.string().optional(),
      checkpoints: z.string().optional(),
      trustKey: z.array(z.string()).optional(),
    })
    .refine(
      ({ file, checkpoints, trustKey }) => file !== undefined || (checkpoints === undefined && trustKey === undefined),
      {
        path: ['file'],
        message: 'must be given with --checkpoints and --trust-key',
      },
    ),
  run: async ({ file, checkpoints, trustKey }, cli) => {
    const verdict =
      file === undefined ? (await cli.client().verifyAudit()).body : await verifyFile(file, { checkpoints, trustKey })
    showVerdict(verdict, cli)
  },
})

function showVerdict(verdict: AuditVerdict, cli: Cli): void {
  cli.show(verdict, () =>
    fieldsText([
      ['record', verdict.ok ? 'as it was written' : 'NOT as it was written'],
      ['entries', verdict.entries],
      ['batches', verdict.batches],
      ['checkpoints', verdict.checkpoints],
      ['last checkpoint', verdict.last_checkpoint_at],
      ['signed by', verdict.key_ids.join(', ')],
    ]),
  )
  if (!verdict.ok)
    throw new CertctlError('precondition_failed', verdict.fault?.message ?? 'The record is not as it was written')
}

interface OfflineOptions {
  checkpoints: string | undefined
  trustKey: readonly string[] | undefined
}

async function verifyFile(path: string, options: OfflineOptions): Promise<AuditVerdict> {
  const tools = toolsOf(options)
  const file = await openFile(path)
  try {
    return await verifyExport(file.readLines(), tools)
  } finally {
    await file.close()
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path)
  } catch (cause) {
    throw new CertctlError('config_invalid', `${path} cannot be read: ${fileFault(cause)}`, { cause })
  }
}

function toolsOf({ checkpoints, trustKey }: OfflineOptions): AuditTools {
  return {
    sha256: (bytes) => createHash('sha256').update(bytes).digest(),
    keyIdOf: (pem) => {
      const key = publicKeyOf(pem)
      if (key === undefined) return 'unreadable'
      return createHash('sha256')
        .update(key.export({ type: 'spki', format: 'der' }))
        .digest('hex')
    },
    verifySignature: (pem, message, signature) => {
      const key = publicKeyOf(pem)
      return key !== undefined && verify(null, Buffer.from(message), key, Buffer.from(signature, 'base64'))
    },
    shipped: checkpoints === undefined ? undefined : readCheckpoints(checkpoints),
    trustedKeyIds: trustKey,
  }
}

/** A key that cannot be read has signed nothing. */
function publicKeyOf(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem)
  } catch {
    return undefined
  }
}

function readCheckpoints(path: string): AuditCheckpointRecord[] {
  try {
    const lines = readFileSync(path, 'utf8').split('\n')
    const records = lines.filter((line) => line.trim() !== '').map(parseAuditRecord)
    return records.filter((record) => record.kind === 'checkpoint')
  } catch (cause) {
    throw new CertctlError('config_invalid', `${path} is not a file of checkpoints: ${messageOf(cause)}`, { cause })
  }
}
