import { createHash } from 'node:crypto'
import type { DiscoveryReport } from '@certctl/api'
import { isCertctlError } from '@certctl/core'
import { decodePem } from '@certctl/pki'
import type { Services } from '../services.js'
import { createId } from '../store/create-id.js'
import type { ScanRow } from '../store/discoveries.js'
import type { Tx } from '../store/store.js'

type Found = NonNullable<DiscoveryReport['certificates']>[number]

interface Readable {
  found: Found
  /** Absent where the agent sent only what it read in it. */
  der: Uint8Array | undefined
}

/**
 * Keeps what an agent saw on its host: each certificate once, each place it was seen at, and when. Without a `scan_id` the report is
 * a whole scan; batches of one `scan_id` add up until one says `complete`.
 */
export async function recordDiscovery(
  services: Services,
  { agentId, report }: { agentId: string; report: DiscoveryReport },
): Promise<ScanRow> {
  const certificates = report.certificates ?? []
  const readable = certificates.map(readableOf).filter((entry) => entry !== undefined)
  const unreadable = certificates.length - readable.length
  return await services.store.transaction(async (tx) => {
    const id = await openScan(tx, { agentId, report })
    const fresh = await tx.discoveries.insertDiscovered(readable.map((entry) => discoveredOf(entry, tx.now)))
    await recordSightings(tx, { agentId, scanId: id, readable })
    const isWhole = report.scan_id === undefined || report.complete === true
    return await tx.discoveries.addToScan(id, {
      found: certificates.length,
      fresh,
      errors: (report.errors?.length ?? 0) + unreadable,
      durationMs: Math.round(report.scan_duration_ms ?? 0),
      completedAt: isWhole ? tx.now : null,
    })
  })
}

/** A certificate that is not what its fingerprint says is counted as an error and not kept. */
function readableOf(found: Found): Readable | undefined {
  if (found.pem_data === undefined || found.pem_data === '') return { found, der: undefined }
  try {
    const [der] = decodePem(found.pem_data, 'CERTIFICATE')
    if (der === undefined) return undefined
    const fingerprint = createHash('sha256').update(der).digest('hex')
    return fingerprint === found.fingerprint_sha256 ? { found, der } : undefined
  } catch (error) {
    if (isCertctlError(error)) return undefined
    throw error
  }
}

async function openScan(tx: Tx, { agentId, report }: { agentId: string; report: DiscoveryReport }): Promise<string> {
  const id = report.scan_id === undefined ? createId('dscan', tx.now) : scanIdOf(agentId, report.scan_id)
  await tx.discoveries.insertScan({
    id,
    agent_id: agentId,
    directories: report.directories ?? [],
    complete: false,
    started_at: new Date(tx.now.getTime() - Math.round(report.scan_duration_ms ?? 0)),
  })
  await tx.discoveries.lockScan(id)
  return id
}

/** The agent's own name for a scan becomes ours without meeting another agent's. */
function scanIdOf(agentId: string, theirs: string): string {
  return `dscan-${createHash('sha256').update(`${agentId} ${theirs}`).digest('hex').slice(0, 32)}`
}

function discoveredOf({ found, der }: Readable, now: Date) {
  return {
    id: createId('dcert', now),
    fingerprint: found.fingerprint_sha256,
    common_name: found.common_name,
    sans: found.sans ?? [],
    serial_number: found.serial_number,
    issuer_name: found.issuer_dn,
    subject_name: found.subject_dn,
    not_before: new Date(found.not_before),
    not_after: new Date(found.not_after),
    key_algorithm: found.key_algorithm,
    key_size: found.key_size,
    is_ca: found.is_ca,
    der: der === undefined ? null : Buffer.from(der),
    first_seen_at: now,
  }
}

async function recordSightings(
  tx: Tx,
  { agentId, scanId, readable }: { agentId: string; scanId: string; readable: readonly Readable[] },
): Promise<void> {
  const ids = await tx.discoveries.idsByFingerprint(readable.map(({ found }) => found.fingerprint_sha256))
  const rows = readable.flatMap(({ found }) => {
    const discovered_id = ids.get(found.fingerprint_sha256)
    if (discovered_id === undefined) return []
    const { source_path: location, source_format: format } = found
    const seen = { first_seen_at: tx.now, last_seen_at: tx.now }
    return [{ discovered_id, agent_id: agentId, location, format, scan_id: scanId, ...seen }]
  })
  // One statement cannot touch a row twice, and a file may hold a certificate twice.
  const distinct = new Map(rows.map((row) => [`${row.discovered_id} ${row.location}`, row]))
  await tx.discoveries.recordSightings([...distinct.values()])
}
