import type { Job } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { BulkItemRow, BulkItemState } from '../store/bulk-items.js'
import type { BulkOperationRow } from '../store/bulk-operations.js'
import type { JobRow } from '../store/jobs.js'
import type { Page, PageRequest } from '../store/page.js'
import { jobStatusFilter, jobTypeFilter } from './status-view.js'

export interface JobQuery {
  status?: Job['status'] | undefined
  type?: Job['type'] | undefined
  certificate_id?: string | undefined
  target_id?: string | undefined
  agent_id?: string | undefined
}

/** Jobs, newest first. */
export async function listJobs({ store }: Services, query: JobQuery, request: PageRequest): Promise<Page<JobRow>> {
  const { status, type } = query
  const filter = {
    ...(status === undefined ? {} : jobStatusFilter[status]),
    ...(type === undefined ? {} : jobTypeFilter[type]),
    certificateId: query.certificate_id,
    targetId: query.target_id,
    agentId: query.agent_id,
  }
  return await store.jobs.page(filter, request)
}

/** Throws `not_found`. */
export async function getJob({ store }: Services, id: string): Promise<JobRow> {
  const job = await store.jobs.get(id)
  if (job === undefined) throw new CertctlError('not_found', `No job "${id}"; list them with: certctl jobs list`)
  return job
}

/** How far a bulk job has come; `undefined` for every other job. */
export async function getBulkProgress({ store }: Services, job: JobRow): Promise<BulkOperationRow | undefined> {
  return job.kind === 'bulk' ? await store.bulkOperations.get(job.id) : undefined
}

/** The certificates of a bulk job, in the order of their ids. Throws `not_found`; another job has none. */
export async function listJobItems(
  services: Services,
  query: { jobId: string; state?: BulkItemState | undefined },
  request: PageRequest,
): Promise<Page<BulkItemRow>> {
  await getJob(services, query.jobId)
  return await services.store.bulkItems.page(query, request)
}
