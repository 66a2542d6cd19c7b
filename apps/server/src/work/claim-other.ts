import type { WorkItem } from '@certctl/api'
import { openTargetConfig } from '../inventory/target-config.js'
import type { Services } from '../services.js'
import type { JobRow } from '../store/jobs.js'
import type { Tx } from '../store/store.js'
import type { Claiming } from './claim-work.js'
import { placementItem } from './placement-item.js'

/** What changes nothing at a target: looks at placements, tests, scans, answers to challenges. Only for agents that know leases. */
export async function claimOther(
  services: Services,
  candidates: readonly JobRow[],
  claiming: Claiming,
): Promise<WorkItem[]> {
  const items: WorkItem[] = []
  for (const { id } of candidates) {
    const item = await claim(services, id, claiming)
    if (item !== undefined) items.push(item)
  }
  return items
}

async function claim(
  services: Services,
  id: string,
  { agentId, holding, leaseSeconds = 60 }: Claiming,
): Promise<WorkItem | undefined> {
  return await services.store.transaction(async (tx) => {
    const job = await tx.jobs.lock(id)
    if (job === undefined || !isOpenTo(job, { agentId, holding, leaseSeconds }, tx.now)) return undefined
    const until = new Date(tx.now.getTime() + leaseSeconds * 1000)
    const target = await tx.targets.get(job.target_id ?? '')
    const claimed = await tx.jobs.claimForAgent({ id, agentId, now: tx.now, until, generation: target?.generation })
    if (claimed === undefined) return undefined
    const item = await itemOf(services, tx, claimed)
    if (item === undefined)
      await tx.jobs.update(id, {
        state: 'done',
        outcome: 'superseded',
        completed_at: tx.now,
        locked_until: null,
        last_error: 'There is nothing to look at any more',
      })
    return item
  })
}

function isOpenTo(job: JobRow, { agentId, holding }: Claiming, now: Date): boolean {
  if (job.agent_id !== agentId) return false
  if (job.state === 'ready') return job.run_at.getTime() <= now.getTime()
  const isDropped = holding !== undefined && job.locked_by === agentId && !holding.includes(job.id)
  return job.state === 'active' && (isDropped || (job.locked_until?.getTime() ?? 0) < now.getTime())
}

async function itemOf(services: Services, tx: Tx, job: JobRow): Promise<WorkItem | undefined> {
  if (job.kind === 'scan') return { ...simpleItem(job), type: 'Scan' }
  if (job.kind === 'challenge') return await challengeItem(tx, job)
  const target = await tx.targets.get(job.target_id ?? '')
  if (target === undefined || target.retired_at !== null) return undefined
  if (job.kind === 'test')
    return {
      ...simpleItem(job),
      type: 'Test',
      target_id: target.id,
      target_type: target.type,
      target_config: { ...openTargetConfig(services, target) },
    }
  const placement = await tx.placements.get(job.placement_id ?? '')
  const version = await tx.versions.get(placement?.desired_version_id ?? '')
  if (placement === undefined || version === undefined || version.revoked_at !== null) return undefined
  return await placementItem(services, tx, { job, target, placement, version, isLeased: true })
}

/** Whether an answer is to be given is read now: it may be over since the job was made. */
async function challengeItem(tx: Tx, job: JobRow): Promise<WorkItem | undefined> {
  const row = await tx.challenges.get(job.challenge_id ?? '')
  if (row === undefined || row.expires_at.getTime() <= tx.now.getTime()) return undefined
  const { kind, name, port, token, key_authorization } = row
  const challenge = {
    kind,
    name,
    port,
    key_authorization,
    ...(token === null ? {} : { token }),
    expires_at: row.expires_at.toISOString(),
    ...(row.withdrawn_at === null ? {} : { withdrawn: true }),
  }
  return { ...simpleItem(job), type: 'Challenge', challenge }
}

function simpleItem(job: JobRow): Omit<WorkItem, 'type'> {
  const { id, lease, locked_until, attempts } = job
  return {
    id,
    certificate_id: job.certificate_id ?? '',
    status: 'Running',
    ...(lease === null ? {} : { lease }),
    ...(locked_until === null ? {} : { locked_until: locked_until.toISOString() }),
    attempt: attempts,
  }
}
