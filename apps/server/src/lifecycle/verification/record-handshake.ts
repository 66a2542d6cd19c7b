import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { JobRow } from '../../store/jobs.js'
import { observePlacement } from './observe-placement.js'

export interface LegacyHandshake {
  jobId: string
  /** Absent where an operator speaks for the agent. */
  agentId?: string | undefined
  targetId: string
  expectedFingerprint: string
  actualFingerprint: string
  verified: boolean
  error?: string | undefined
  actor: Actor
}

/** What an agent of the first protocol saw when it shook hands after a deployment. It comes before the end of the job and is judged with it; one that comes later is an observation. */
export async function recordHandshake(
  services: Services,
  seen: LegacyHandshake,
): Promise<{ verified: boolean; verifiedAt: Date }> {
  const expected = fingerprintOf(seen.expectedFingerprint, 'expected_fingerprint')
  const actual = fingerprintOf(seen.actualFingerprint, 'actual_fingerprint')
  return await services.store.transaction(async (tx) => {
    const unlocked = await tx.jobs.get(seen.jobId)
    if (unlocked === undefined || (seen.agentId !== undefined && unlocked.agent_id !== seen.agentId))
      throw new CertctlError('not_found', `There is no job ${seen.jobId} of this agent`)
    if (unlocked.kind !== 'deploy' || unlocked.target_id !== seen.targetId)
      throw new CertctlError(
        'request_malformed',
        `target_id: job ${seen.jobId} is not a deployment to ${seen.targetId}`,
      )
    const certificate = await tx.certificates.lock(unlocked.certificate_id ?? '')
    const target = await tx.targets.lock(seen.targetId)
    const placement = await tx.placements.lock(unlocked.placement_id ?? '')
    const job = await tx.jobs.lock(seen.jobId)
    if (certificate === undefined || target === undefined || placement === undefined || job === undefined)
      throw new CertctlError('internal', `Job ${seen.jobId} refers to rows that are not there`)
    const verified = seen.verified && expected === actual
    await tx.jobs.update(job.id, {
      result: JSON.stringify(resultOf(job, { seen, expected, actual, verified, now: tx.now })),
    })
    if (job.state === 'done') {
      const look = { endpoint: target.name, fingerprint: actual, chain_ok: true, at: tx.now.toISOString() }
      await observePlacement(
        tx,
        { certificate, target, placement },
        {
          served: [look],
          actor: seen.actor,
          everySeconds: services.config.verify_interval,
        },
      )
    }
    return { verified, verifiedAt: tx.now }
  })
}

function resultOf(
  { result }: JobRow,
  {
    seen,
    expected,
    actual,
    verified,
    now,
  }: { seen: LegacyHandshake; expected: string; actual: string; verified: boolean; now: Date },
): NonNullable<JobRow['result']> {
  return {
    ...result,
    verification: {
      expected_fingerprint: expected,
      actual_fingerprint: actual,
      verified,
      verified_at: now.toISOString(),
      ...(seen.error === undefined || seen.error === '' ? {} : { error: seen.error }),
    },
  }
}

function fingerprintOf(text: string, field: string): string {
  const plain = text.replaceAll(':', '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(plain)) return plain
  const message = 'must be a SHA-256 fingerprint in hex'
  throw new CertctlError('request_malformed', `${field}: ${message}`, { errors: [{ field, message }] })
}
