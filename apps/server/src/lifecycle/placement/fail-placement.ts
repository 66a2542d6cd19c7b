import type { JobReport } from '@certctl/api'
import { type ErrorCode, errorCodes } from '@certctl/core'
import type { CertificateRow } from '../../store/certificates.js'
import type { PlacementRow } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import type { VersionRow } from '../../store/versions.js'
import { endOf } from '../end-of.js'
import { backoff } from '../order/backoff.js'
import { raiseAlert } from '../raise-alert.js'
import { severityOf } from '../severity-of.js'

interface Rows {
  certificate: CertificateRow
  target: TargetRow
  placement: PlacementRow
  desired: VersionRow | undefined
}

// What an agent refuses (its policy, another's marker, a setting that does not suit its host) people put right there, and nobody tells us.
const refusedSeconds = 3600

/** A deployment that brought nothing is tried again, after a refusal seldom; people are told. Certificate, target and placement are locked. */
export async function failPlacement(
  tx: Tx,
  { placement, desired, target, certificate }: Rows,
  report: Pick<JobReport, 'outcome' | 'code' | 'message'>,
): Promise<void> {
  const failures = placement.failures + 1
  const code = report.outcome === 'torn' ? 'deploy_torn' : codeOf(report.code)
  const message = report.message ?? 'The agent gave no reason'
  const isRefused = report.outcome === 'refused'
  const serving = await servingOf(tx, placement)
  await tx.placements.update(placement.id, {
    state: 'failed',
    cause_code: code,
    cause_message: message,
    failures,
    next_attempt_at: backoff({
      failures,
      now: tx.now,
      endsAt: endOf(serving) ?? endOf(desired),
      firstSeconds: isRefused ? refusedSeconds : undefined,
      random: tx.chance.random,
    }),
    blocked_code: null,
    blocked_generation: null,
    updated_at: tx.now,
  })
  await raiseAlert(tx, {
    subject: `placement:${placement.id}`,
    type: report.outcome === 'torn' ? 'placement.torn' : 'placement.failed',
    severity: report.outcome === 'torn' ? 'critical' : severityOf(serving, tx.now),
    title: `${certificate.name} could not be deployed to ${target.name}: ${message}`,
    command: isRefused
      ? `certctl certificates deploy ${certificate.id} --target ${target.id}`
      : `certctl targets test ${target.id}`,
    data: { code, message, failures, target_id: target.id, blocked: isRefused },
    certificateId: certificate.id,
    targetId: target.id,
    agentId: target.agent_id,
  })
}

async function servingOf(
  tx: Tx,
  { deployed_fingerprint: deployedFingerprint }: PlacementRow,
): Promise<VersionRow | undefined> {
  return deployedFingerprint === null ? undefined : await tx.versions.findByFingerprint(deployedFingerprint)
}

/** Agents are strangers: a code nobody here knows is a fault of theirs. */
export function codeOf(code: string | undefined): ErrorCode {
  const known = Object.keys(errorCodes) as ErrorCode[]
  return known.find((name) => name === code) ?? 'deploy_failed'
}
