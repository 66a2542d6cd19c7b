import type { CertificateRow } from '../store/certificates.js'
import type { HolderRow } from '../store/holders.js'
import type { JobRow } from '../store/jobs.js'
import type { Tx } from '../store/store.js'

/**
 * Who asked for this issuance: whoever asked for the job, or, where that was the schedule, whoever asked for the certificate or changed
 * it last; and whoever changed it since it was last issued. None of them may agree to it.
 */
export async function barredPersons(
  tx: Tx,
  {
    certificate,
    holder,
    job,
  }: {
    certificate: CertificateRow
    holder: HolderRow
    job: Pick<JobRow, 'requested_by_person'>
  },
): Promise<string[]> {
  const { requested_by_person: person, requested_at: changedAt } = certificate
  const asked = job.requested_by_person ?? person
  const serving = holder.current_version_id === null ? undefined : await tx.versions.get(holder.current_version_id)
  const isIssued = serving !== undefined && changedAt !== null && changedAt.getTime() <= serving.received_at.getTime()
  const all = [asked, isIssued ? null : person].filter((each) => each !== null)
  return [...new Set(all)]
}
