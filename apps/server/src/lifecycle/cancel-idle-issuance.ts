import type { Tx } from '../store/store.js'

/** Agents that have no place left for a certificate are not asked for a key any more. What is ordered already goes on. */
export async function cancelIdleIssuance(tx: Tx, certificateId: string): Promise<void> {
  const placements = await tx.placements.listOfCertificate(certificateId)
  for (const holder of await tx.holders.listOfCertificate(certificateId)) {
    const isIdle = holder.kind === 'agent' && placements.every((placement) => placement.agent_id !== holder.agent_id)
    if (isIdle)
      await tx.jobs.cancel(
        { column: 'holder_id', value: holder.id },
        { at: tx.now, reason: 'No target of this agent wants it any more', kinds: ['issue'], states: ['waiting_csr'] },
      )
  }
}
