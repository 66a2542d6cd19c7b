import type { WorkItem } from '@certctl/api'
import { formatGeneralName } from '@certctl/pki'
import type { Services } from '../services.js'
import type { JobRow } from '../store/jobs.js'
import type { Claiming } from './claim-work.js'

/** CSRs an agent is asked for, leased in place. Agents of the first protocol only see them, at each poll again. */
export async function claimIssuance(
  services: Services,
  waiting: readonly JobRow[],
  { agentId, leaseSeconds }: Claiming,
): Promise<WorkItem[]> {
  const items: WorkItem[] = []
  for (const job of waiting) {
    const claimed = leaseSeconds === undefined ? job : await lease(services, job, { agentId, leaseSeconds })
    const item = claimed === undefined ? undefined : await itemOf(services, claimed, leaseSeconds !== undefined)
    if (item !== undefined) items.push(item)
  }
  return items
}

async function lease(
  services: Services,
  { id }: JobRow,
  { agentId, leaseSeconds }: { agentId: string; leaseSeconds: number },
): Promise<JobRow | undefined> {
  return await services.store.transaction(async (tx) => {
    const job = await tx.jobs.lock(id)
    if (job?.state !== 'waiting_csr') return undefined
    const until = new Date(tx.now.getTime() + leaseSeconds * 1000)
    return await tx.jobs.claimForAgent({ id, agentId, now: tx.now, until })
  })
}

async function itemOf(services: Services, job: JobRow, isLeased: boolean): Promise<WorkItem | undefined> {
  const certificate = await services.store.certificates.get(job.certificate_id ?? '')
  if (certificate === undefined || certificate.archived_at !== null) return undefined
  return {
    id: job.id,
    type: job.renewal ? 'Renewal' : 'Issuance',
    certificate_id: certificate.id,
    common_name: certificate.common_name ?? '',
    sans: certificate.names.map(formatGeneralName),
    status: 'AwaitingCSR',
    ...(isLeased ? leaseOf(job) : {}),
    names: certificate.names.map(({ type, value }) => ({ type, value })),
    key: certificate.key_algorithm,
    extended_key_usages: certificate.extended_key_usages,
    must_staple: certificate.must_staple,
  }
}

function leaseOf({ lease, locked_until, attempts }: JobRow): Partial<WorkItem> {
  return {
    ...(lease === null ? {} : { lease }),
    ...(locked_until === null ? {} : { locked_until: locked_until.toISOString() }),
    attempt: attempts,
  }
}
