import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { JobRow } from '../../store/jobs.js'
import type { Tx } from '../../store/store.js'
import { renewalAskedBy } from '../asking/asked-renewal.js'

interface Rows {
  certificate: CertificateRow
  holder: HolderRow
  job: Pick<JobRow, 'requested_by_person'>
}

/**
 * Who asked for this issuance, by every way they were known when they asked: whoever asked for the job or the renewal, or, where that was
 * the schedule, whoever asked for the certificate or changed it last; and everybody who changed it since it was last issued. None of them
 * may agree to it.
 */
export async function barredPersons(tx: Tx, { certificate, holder, job }: Rows): Promise<string[]> {
  const people = certificate.requested_by_people
  const asked = job.requested_by_person ?? people.at(-1)?.known_as ?? []
  const serving = holder.current_version_id === null ? undefined : await tx.versions.get(holder.current_version_id)
  // Whoever imported it did not ask for what is issued now: that version came before there was anything here to change.
  const issuedAt = Math.max(serving?.received_at.getTime() ?? 0, certificate.created_at.getTime())
  const since = people.filter(({ at }) => serving === undefined || Date.parse(at) > issuedAt)
  return [...new Set([...asked, ...(renewalAskedBy(holder) ?? []), ...since.flatMap((one) => one.known_as)])]
}
