import type { Tx } from '../../store/store.js'
import { resolveAlert } from '../resolve-alert.js'
import { subjectsOfHolder } from '../subjects-of-holder.js'
import { closeOrder } from './close-order.js'

const reason = 'No target of this agent wants it any more'
const waiting = ['waiting_csr', 'waiting_approval'] as const

/** Agents that have no place left for a certificate are not asked for a key any more, nor anybody to approve it, nor the CA to issue it. What that was asked for goes on. */
export async function cancelIdleIssuance(tx: Tx, certificateId: string): Promise<void> {
  const placements = await tx.placements.listOfCertificate(certificateId)
  for (const holder of await tx.holders.listOfCertificate(certificateId)) {
    const isIdle = holder.kind === 'agent' && placements.every((placement) => placement.agent_id !== holder.agent_id)
    if (!isIdle) continue
    const order = await tx.orders.lockOpenOfHolder(holder.id)
    const wasAsked = order !== undefined && order.attempts > 0
    const cancelled = await tx.jobs.cancel(
      { column: 'holder_id', value: holder.id },
      // A worker that has it in hand and has not counted its attempt yet finds that it lost it.
      { at: tx.now, reason, kinds: ['issue'], states: wasAsked ? waiting : [...waiting, 'ready', 'active'] },
    )
    if (order !== undefined && cancelled.length > 0) await closeOrder(tx, order, { state: 'abandoned', reason })
    // A target that comes back makes its end matter again.
    if (holder.current_version_id !== null) await tx.expiryAlerts.forget(holder.current_version_id)
    await resolveAlert(tx, {
      subject: subjectsOfHolder(holder.id),
      type: 'certificate.given_up',
      title: reason,
      certificateId,
      agentId: holder.agent_id ?? undefined,
    })
  }
}
