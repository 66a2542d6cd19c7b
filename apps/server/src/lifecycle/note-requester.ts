import type { Actor } from '../store/audit-entry.js'
import type { CertificateRow } from '../store/certificates.js'
import type { Tx } from '../store/store.js'

/** Remembers the person who asked for a certificate as it is now: where two have to agree, that is one of them. The certificate is locked. */
export async function noteRequester(tx: Tx, { id }: Pick<CertificateRow, 'id'>, { person }: Actor): Promise<void> {
  if (person === undefined) return
  await tx.certificates.update(id, { requested_by_person: person, requested_at: tx.now })
}
