import type { JobReport } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { JobRow } from '../../store/jobs.js'
import type { PlacementRow } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import type { VersionRow } from '../../store/versions.js'
import { planIssuance } from '../order/plan-issuance.js'
import { firstVerification } from '../verification/next-verification.js'
import { proofOf } from '../verification/proof-of.js'
import { unverifiableCause } from '../verification/unverifiable-cause.js'
import { codeOf, failPlacement } from './fail-placement.js'
import { giveUpImported } from './give-up-imported.js'
import { planPlacements } from './plan-placements.js'
import { tellPlacement } from './tell-placement.js'

/** A report on a claimed deployment, as agents of both protocols make it. */
export type DeploymentReport = Pick<
  JobReport,
  'outcome' | 'code' | 'message' | 'fingerprint' | 'receipt' | 'served' | 'target_generation'
> & {
  /** Absent with agents of the first protocol, whose word counts while the job is theirs. */
  lease?: string | undefined
}

export interface SettledDeployment {
  jobId: string
  agentId: string
  actor: Actor
  report: DeploymentReport
}

interface Rows {
  certificate: CertificateRow
  target: TargetRow
  placement: PlacementRow
  job: JobRow
  desired: VersionRow | undefined
}

/**
 * Compares what an agent says it deployed with what is desired now, and settles the job, the placement, what follows and the record
 * in one transaction. `lost`: the lease is another's by now, and the report is kept as an observation only. The same report twice
 * settles once.
 */
export async function settleDeployment(services: Services, settled: SettledDeployment): Promise<'settled' | 'lost'> {
  const outcome = await services.store.transaction(async (tx) => {
    const rows = await lockRows(tx, settled)
    const { job } = rows
    const { lease } = settled.report
    if (lease !== undefined && job.lease !== lease) return await keepAsObservation(services, tx, { ...settled, rows })
    if (job.state === 'done') return 'settled'
    if (job.state !== 'active') return await keepAsObservation(services, tx, { ...settled, rows })
    await settle(services, tx, { ...settled, rows })
    return 'settled'
  })
  return outcome
}

async function lockRows(tx: Tx, { jobId, agentId }: SettledDeployment): Promise<Rows> {
  const unlocked = await tx.jobs.get(jobId)
  if (unlocked === undefined || (unlocked.agent_id !== agentId && unlocked.locked_by !== agentId))
    throw new CertctlError('not_found', `There is no job ${jobId} of this agent`)
  const [certificate, target, placement, job] = await Promise.all([
    tx.certificates.lock(unlocked.certificate_id ?? ''),
    tx.targets.lock(unlocked.target_id ?? ''),
    tx.placements.lock(unlocked.placement_id ?? ''),
    tx.jobs.lock(jobId),
  ])
  if (certificate === undefined || target === undefined || placement === undefined || job === undefined)
    throw new CertctlError('request_malformed', `Job ${jobId} is not a deployment`)
  const desired =
    placement.desired_version_id === null ? undefined : await tx.versions.get(placement.desired_version_id)
  return { certificate, target, placement, job, desired }
}

interface Settling extends SettledDeployment {
  rows: Rows
}

/** What a thought-dead agent did is a fact, not a state. A target that waited for it to end need not wait longer. */
async function keepAsObservation(services: Services, tx: Tx, settling: Settling): Promise<'lost'> {
  const { rows, report, actor } = settling
  const { job, placement } = rows
  const isCancelled = job.state === 'cancelled' && job.lease === report.lease
  if (isCancelled) await tx.jobs.update(job.id, { locked_until: null, bound_until: null })
  tx.wake('agent', rows.target.agent_id)
  await tx.placements.update(placement.id, { observed_at: tx.now })
  audit(tx, rows, { actor, action: 'placement.observed', report })
  if (isCancelled && isAlone(rows, tx.now)) await cancelledInVain(services, tx, settling)
  return 'lost'
}

/** Until the bound of a deployment ends nobody else touches its target. */
function isAlone({ job: { bound_until: until } }: Rows, now: Date): boolean {
  return until !== null && until.getTime() > now.getTime()
}

/** A deployment that was under way when it was cancelled ends like any other where it brought what is desired; what was asked for since goes on. */
async function cancelledInVain(services: Services, tx: Tx, settling: Settling): Promise<void> {
  const { rows, report } = settling
  const { placement, desired } = rows
  if (placement.removed_at !== null || isStale(rows, report)) return
  const isDone = report.outcome === 'done' && report.fingerprint !== undefined
  if (isDone && report.fingerprint === desired?.fingerprint) return await deployed(services, tx, settling)
  await tx.placements.update(placement.id, {
    ...(isDone ? { deployed_fingerprint: report.fingerprint, deployed_at: tx.now } : {}),
    ...(placement.state === 'deploying' ? { state: 'failed' as const, updated_at: tx.now } : {}),
  })
}

/** For an older configuration of the target. */
function isStale({ job, target }: Rows, { target_generation: generation }: DeploymentReport): boolean {
  return (generation ?? job.generation) !== target.generation
}

async function settle(services: Services, tx: Tx, settling: Settling): Promise<void> {
  const { rows, report, actor } = settling
  const isOvertaken = wasOvertaken(rows, report)
  await endJob(tx, rows.job, report)
  audit(tx, rows, {
    actor,
    action: report.outcome === 'done' ? 'placement.deployed' : 'placement.deploy_failed',
    report,
  })
  // A service that is half changed is told of, whatever it was to be changed to.
  if (report.outcome === 'torn') await failPlacement(tx, rows, report)
  else if (isStale(rows, report)) await again(tx, rows, {})
  else if (report.outcome === 'done') await deployed(services, tx, settling)
  else if (isOvertaken) await again(tx, rows, {})
  else await failPlacement(tx, rows, report)
  if (isKeyGone(report) && !isOvertaken) await askForNewKey(services, tx, settling)
  await planPlacements(tx, {
    certificate: rows.certificate,
    requestedBy: 'System',
    placementId: rows.placement.id,
  })
  // Another deployment to this target may have waited for this one.
  tx.wake('agent', rows.target.agent_id)
  services.metrics.deploymentEnded({ targetType: rows.target.type, outcome: report.outcome })
  services.metrics.jobEnded({ kind: 'deploy', outcome: report.outcome })
}

/**
 * What could not be done with an older version says nothing of the one that is desired since, whose turn it is. The next job is planned
 * after that wish: whatever an agent names, this happens once for each wish.
 */
function wasOvertaken({ job, placement, desired }: Rows, { fingerprint }: DeploymentReport): boolean {
  if (fingerprint === undefined || fingerprint === desired?.fingerprint) return false
  return placement.desired_at !== null && job.created_at.getTime() < placement.desired_at.getTime()
}

async function endJob(tx: Tx, job: JobRow, report: DeploymentReport): Promise<void> {
  const { outcome, code, message } = report
  const outcomes = { done: 'done', failed: 'failed', torn: 'failed', refused: 'refused' } as const
  await tx.jobs.update(job.id, {
    state: 'done',
    outcome: outcomes[outcome],
    completed_at: tx.now,
    locked_until: null,
    bound_until: null,
    last_error_code: outcome === 'done' ? null : codeOf(code),
    last_error: outcome === 'done' ? null : (message ?? 'The agent gave no reason'),
    ...(outcome === 'done' ? { result: JSON.stringify(proofOf(job, report, tx.now)) } : {}),
  })
}

/** The target or what is desired there changed meanwhile: what was done is a fact, and the placement is still to be done. */
async function again(tx: Tx, { placement }: Rows, facts: Partial<PlacementRow>): Promise<void> {
  await tx.placements.update(placement.id, {
    ...facts,
    state: 'pending',
    observed_at: tx.now,
    next_attempt_at: tx.now,
    updated_at: tx.now,
  })
}

async function deployed({ config }: Services, tx: Tx, { rows, report }: Settling): Promise<void> {
  const { placement, desired, target } = rows
  if (report.fingerprint === undefined)
    throw new CertctlError('request_malformed', 'fingerprint: a deployment that is done says what was deployed')
  const facts = { deployed_fingerprint: report.fingerprint, deployed_at: tx.now }
  if (report.fingerprint !== desired?.fingerprint) return await again(tx, rows, facts)
  const states = { served: 'served', later: 'deployed', unverifiable: 'unverifiable' } as const
  const state = states[report.receipt?.served ?? 'later']
  const cause = state === 'unverifiable' ? unverifiableCause(target, report.served ?? []) : undefined
  const verifyAt = firstVerification({
    state,
    target,
    now: tx.now,
    random: tx.chance.random,
    everySeconds: config.verify_interval,
    delaySeconds: config.verify_delay,
    isProven: config.verify_deployment,
  })
  await tx.placements.update(placement.id, {
    ...facts,
    ...(state === 'served' ? { served_fingerprint: report.fingerprint, served_at: tx.now } : {}),
    // What was seen before is gone, and no look will ever say so.
    ...(state === 'unverifiable' ? { served_fingerprint: null, served_at: null } : {}),
    state,
    observed_at: tx.now,
    failures: 0,
    next_attempt_at: null,
    verify_at: placement.frozen_at === null ? verifyAt : null,
    cause_code: cause?.code ?? null,
    cause_message: cause?.message ?? null,
    blocked_code: null,
    blocked_generation: null,
    updated_at: tx.now,
  })
  await tellPlacement(tx, rows, { state, fingerprint: report.fingerprint })
  await giveUpImported(tx, rows.certificate)
}

/** Whoever has its key goes on to the target, and says what was seen there: what is missing then is of the target. */
function isKeyGone({ outcome, code, served }: DeploymentReport): boolean {
  return outcome === 'failed' && code === 'not_found' && served === undefined
}

// Whoever cannot keep a key, or calls something else one, would cost a certificate with each try.
const pauseMs = 3_600_000

/** An agent that has lost its key cannot use the current version: it needs another one with a key of its own. */
async function askForNewKey(services: Services, tx: Tx, { rows, agentId }: Settling): Promise<void> {
  const { certificate, desired } = rows
  const holder = await tx.holders.findOfAgent(certificate.id, agentId)
  if (holder === undefined || desired === undefined || holder.current_version_id !== desired.id) return
  if (tx.now.getTime() - desired.received_at.getTime() < pauseMs) return
  if (holder.renewal_requested_at === null) await tx.holders.update(holder.id, { renewal_requested_at: tx.now })
  await planIssuance(services, tx, { certificate, requestedBy: 'System' })
}

function audit(
  tx: Tx,
  { job, placement, target, certificate }: Rows,
  { actor, action, report }: { actor: Actor; action: string; report: DeploymentReport },
): void {
  tx.audit.append({
    actor,
    action,
    resource_type: 'placement',
    resource_id: placement.id,
    details: {
      certificate_id: certificate.id,
      target_id: target.id,
      job_id: job.id,
      outcome: report.outcome,
      fingerprint: report.fingerprint,
      code: report.code,
      message: report.message,
      served: report.receipt?.served,
    },
  })
}
