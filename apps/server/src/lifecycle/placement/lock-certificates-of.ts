import type { Tx } from '../../store/store.js'

/** Certificates are locked before the target they go to, in the order of their ids, so that nobody waits for ever. */
export async function lockCertificatesOf(tx: Tx, targetId: string): Promise<void> {
  const placements = await tx.placements.listOfTarget(targetId)
  const ids = placements.map((placement) => placement.certificate_id).toSorted()
  for (const id of ids) await tx.certificates.lock(id)
}
