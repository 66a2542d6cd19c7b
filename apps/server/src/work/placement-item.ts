import type { WorkItem } from '@certctl/api'
import { openTargetConfig } from '../inventory/target-config.js'
import { boundSeconds } from '../lifecycle/placement/deployment-bound.js'
import type { Services } from '../services.js'
import type { CertificateRow } from '../store/certificates.js'
import type { JobRow } from '../store/jobs.js'
import type { PlacementRow } from '../store/placements.js'
import type { Tx } from '../store/store.js'
import type { TargetRow } from '../store/targets.js'
import type { VersionRow } from '../store/versions.js'
import { verifiedConfig } from './verified-config.js'

interface Claimed {
  job: JobRow
  target: TargetRow
  placement: PlacementRow
  version: VersionRow
  isLeased: boolean
}

/** A claimed deployment or verification as its agent gets it: with the target's real configuration, for its owner alone. */
export async function placementItem(services: Services, tx: Tx, claimed: Claimed): Promise<WorkItem | undefined> {
  const { job, target, placement, version, isLeased } = claimed
  const certificate = await tx.certificates.get(placement.certificate_id)
  if (certificate === undefined) return undefined
  const { deployed_fingerprint: previous } = placement
  const siblings = (await tx.versions.listCurrent(certificate.id)).filter(({ id }) => id !== version.id)
  return {
    id: job.id,
    type: job.kind === 'verify' ? 'Verification' : 'Deployment',
    certificate_id: certificate.id,
    target_id: target.id,
    target_type: target.type,
    target_config: verifiedConfig(services.config, openTargetConfig(services, target)),
    status: 'Running',
    ...(isLeased ? leaseOf(job) : {}),
    deployment: deploymentOf(claimed, certificate),
    ...(previous === null || previous === version.fingerprint ? {} : { previous_fingerprint: previous }),
    sibling_fingerprints: siblings.map(({ fingerprint }) => fingerprint),
    names: certificate.names.map(({ type, value }) => ({ type, value })),
    key: certificate.key_algorithm,
  }
}

function deploymentOf(
  { placement, version, target }: Claimed,
  certificate: CertificateRow,
): NonNullable<WorkItem['deployment']> {
  return {
    id: `${placement.id}.${version.id}`,
    fingerprint: version.fingerprint,
    spki_sha256: version.spki_sha256,
    not_after: version.not_after.toISOString(),
    certificate_generation: certificate.generation,
    target_generation: target.generation,
    time_limit_seconds: boundSeconds,
  }
}

function leaseOf({ lease, locked_until, attempts }: JobRow): Partial<WorkItem> {
  return {
    ...(lease === null ? {} : { lease }),
    ...(locked_until === null ? {} : { locked_until: locked_until.toISOString() }),
    attempt: attempts,
  }
}
