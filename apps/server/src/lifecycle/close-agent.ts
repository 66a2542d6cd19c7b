import type { Tx } from '../store/store.js'
import { closeOrder } from './order/close-order.js'
import { resolveAlert } from './resolve-alert.js'
import { subjectsOfHolder } from './subjects-of-holder.js'

/** Ends everything an agent that retires had in hand: its holders, their open orders and its jobs. Its parked poll is woken, to be told that it is gone. The agent's row is locked. */
export async function closeAgentWork(tx: Tx, agentId: string): Promise<void> {
  for (const { id, certificate_id: certificateId } of await tx.holders.listOfAgent(agentId)) {
    await tx.certificates.lock(certificateId)
    const holder = await tx.holders.lock(id)
    const order = await tx.orders.lockOpenOfHolder(id)
    if (order !== undefined) await closeOrder(tx, order, { state: 'abandoned', reason: 'the agent was retired' })
    if (holder?.closed_at === null) await tx.holders.update(id, { closed_at: tx.now })
    await resolveAlert(tx, {
      subject: subjectsOfHolder(id),
      type: 'certificate.given_up',
      title: 'The agent was retired; what it held is not renewed there any more',
      certificateId,
      agentId,
    })
  }
  await tx.jobs.cancel({ column: 'agent_id', value: agentId }, { at: tx.now, reason: 'The agent was retired' })
  tx.wake('agent', agentId)
}
