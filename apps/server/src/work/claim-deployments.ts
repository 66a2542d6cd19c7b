import type { WorkItem } from '@certctl/api'
import { boundSeconds } from '../lifecycle/placement/deployment-bound.js'
import { waitText, windowOf } from '../lifecycle/placement/window-of.js'
import type { Services } from '../services.js'
import type { JobRow } from '../store/jobs.js'
import type { PlacementRow } from '../store/placements.js'
import type { Tx } from '../store/store.js'
import type { TargetRow } from '../store/targets.js'
import type { VersionRow } from '../store/versions.js'
import type { Claiming } from './claim-work.js'
import { placementItem } from './placement-item.js'

/**
 * Deployments an agent may begin: one per target at a time, each claim under the lock of its target. What is desired is read now; a job
 * of which nothing is desired any more, or of a revoked version, ends here.
 */
export async function claimDeployments(
  services: Services,
  candidates: readonly JobRow[],
  claiming: Claiming,
): Promise<WorkItem[]> {
  const items: WorkItem[] = []
  for (const candidate of candidates) {
    const item = await claim(services, candidate, claiming)
    if (item !== undefined) items.push(item)
  }
  return items
}

interface Rows {
  job: JobRow
  target: TargetRow
  placement: PlacementRow
}

async function claim(services: Services, candidate: JobRow, claiming: Claiming): Promise<WorkItem | undefined> {
  return await services.store.transaction(async (tx) => {
    const rows = await lockRows(tx, candidate)
    if (rows === undefined || !isOpenTo(rows, claiming, tx.now)) return undefined
    const { target } = rows
    const { agentId, holding } = claiming
    if (await tx.jobs.targetIsBusy(target.id, { now: tx.now, except: { agentId, holding } })) return undefined
    const desired = await desiredOf(tx, rows)
    if (desired === undefined || (await mustWait(tx, rows))) return undefined
    const job = await takeJob(tx, rows, claiming)
    if (job === undefined) return undefined
    await tx.placements.update(rows.placement.id, { state: 'deploying', window_at: null, updated_at: tx.now })
    const isLeased = claiming.leaseSeconds !== undefined
    return await placementItem(services, tx, { job, target, placement: rows.placement, version: desired, isLeased })
  })
}

async function lockRows(tx: Tx, candidate: JobRow): Promise<Rows | undefined> {
  const [target, placement, job] = await Promise.all([
    tx.targets.lock(candidate.target_id ?? ''),
    tx.placements.lock(candidate.placement_id ?? ''),
    tx.jobs.lock(candidate.id),
  ])
  return target === undefined || placement === undefined || job === undefined ? undefined : { job, target, placement }
}

/** Whether what was seen before the locks still holds. */
function isOpenTo({ job, target, placement }: Rows, { agentId, holding }: Claiming, now: Date): boolean {
  if (job.agent_id !== agentId || target.agent_id !== agentId || !target.enabled) return false
  if (target.retired_at !== null || placement.removed_at !== null) return false
  if (job.state === 'ready') return job.run_at.getTime() <= now.getTime()
  const isDropped = holding !== undefined && job.locked_by === agentId && !holding.includes(job.id)
  const until = Math.max(job.locked_until?.getTime() ?? 0, job.bound_until?.getTime() ?? 0)
  return job.state === 'active' && (isDropped || until < now.getTime())
}

async function desiredOf(tx: Tx, { job, placement, target }: Rows): Promise<VersionRow | undefined> {
  const version =
    placement.desired_version_id === null ? undefined : await tx.versions.get(placement.desired_version_id)
  const holder = version === undefined ? undefined : await tx.holders.get(version.holder_id)
  const isUsable = version?.revoked_at === null && placement.frozen_at === null && holder?.agent_id === target.agent_id
  if (isUsable) return version
  const reason = version === undefined ? 'Nothing is desired here any more' : 'What is desired here was revoked'
  await tx.jobs.update(job.id, {
    state: 'done',
    outcome: 'superseded',
    completed_at: tx.now,
    locked_until: null,
    bound_until: null,
    last_error: reason,
  })
  await tx.placements.update(placement.id, { next_attempt_at: null, updated_at: tx.now })
  return undefined
}

/** Outside the maintenance windows of the target, though it was planned for one: the job waits for the next. */
async function mustWait(tx: Tx, { job, target, placement }: Rows): Promise<boolean> {
  const opensAt = await windowOf(tx, { target, placement, at: tx.now })
  if (opensAt === undefined) return false
  await tx.jobs.update(job.id, {
    state: 'ready',
    run_at: opensAt,
    lease: null,
    locked_by: null,
    locked_until: null,
    bound_until: null,
    last_error_code: null,
    last_error: waitText(opensAt),
  })
  await tx.placements.update(placement.id, {
    state: placement.state === 'deploying' ? 'pending' : placement.state,
    window_at: opensAt,
    updated_at: tx.now,
  })
  return true
}

/** The generation of the target as it is claimed: a report for an older one is an observation. */
async function takeJob(
  tx: Tx,
  { job, target }: Rows,
  { agentId, leaseSeconds }: Claiming,
): Promise<JobRow | undefined> {
  const until = new Date(tx.now.getTime() + (leaseSeconds ?? boundSeconds) * 1000)
  const boundUntil = new Date(tx.now.getTime() + boundSeconds * 1000)
  return await tx.jobs.claimForAgent({
    id: job.id,
    agentId,
    now: tx.now,
    until,
    boundUntil,
    generation: target.generation,
  })
}
