import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { ApprovalFilter, ApprovalRow } from '../store/approvals.js'
import type { Page, PageRequest } from '../store/page.js'

/** Throws `not_found`. */
export async function getApproval({ store }: Pick<Services, 'store'>, id: string): Promise<ApprovalRow> {
  const row = await store.approvals.get(id)
  if (row !== undefined) return row
  throw new CertctlError('not_found', `There is no approval ${id}; list them with: certctl approvals list`)
}

/** Newest first. */
export async function listApprovals(
  { store }: Pick<Services, 'store'>,
  filter: ApprovalFilter,
  request: PageRequest,
): Promise<Page<ApprovalRow>> {
  return await store.approvals.page(filter, request)
}

/** The approval that a job waits for. Throws `not_found` for a job that is not there, `request_malformed` for one that waits for none. */
export async function approvalOfJob({ store }: Pick<Services, 'store'>, jobId: string): Promise<string> {
  if ((await store.jobs.get(jobId)) === undefined) throw new CertctlError('not_found', `There is no job ${jobId}`)
  const pending = await store.approvals.findPendingOfJob(jobId)
  if (pending !== undefined) return pending.id
  throw new CertctlError('request_malformed', `Job ${jobId} does not wait for an approval`)
}
