import { CertctlError } from '@certctl/core'
import { parseCsr } from '@certctl/pki'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { orderAnswer } from '../order/order-answer.js'
import { acceptCsr } from './accept-csr.js'

export interface AgentCsr {
  agentId: string
  csrPem: string
  /** The job it answers and the lease of its claim. */
  job?: { id: string; lease: string } | undefined
  /** Agents of the first protocol name the certificate, or nothing. */
  certificateId?: string | undefined
  actor: Actor
  signal: AbortSignal
}

// CAs that answer at once do so within this; whoever else waits is told that the order is pending.
const patienceSeconds = 3

/** An agent's CSR, by job or by certificate; says how its order stands. One for no certificate is read and nothing more. */
export async function submitAgentCsr(
  services: Services,
  csr: AgentCsr,
): Promise<'csr_signed' | 'csr_accepted' | 'order_pending' | 'awaiting_approval'> {
  const { csrPem, job, actor, signal } = csr
  if (job === undefined && (csr.certificateId ?? '') === '') {
    parseCsr(csrPem)
    return 'csr_accepted'
  }
  const { holderId, certificateId } = await holderOf(services, csr)
  const orderId = await acceptCsr(services, { holderId, certificateId, csrPem, job, actor })
  return await orderAnswer(services, { orderId, patienceSeconds, signal })
}

interface Held {
  holderId: string
  certificateId: string | undefined
}

async function holderOf({ store }: Services, { agentId, certificateId = '', job }: AgentCsr): Promise<Held> {
  if (job === undefined) {
    const holder = await store.holders.findOfAgent(certificateId, agentId)
    if (holder !== undefined) return { holderId: holder.id, certificateId }
    throw new CertctlError('not_found', `Certificate ${certificateId} is not held by this agent`)
  }
  const row = await store.jobs.get(job.id)
  if (row?.agent_id === agentId && row.kind === 'issue' && row.holder_id !== null)
    return { holderId: row.holder_id, certificateId: row.certificate_id ?? undefined }
  throw new CertctlError('not_found', `There is no job ${job.id} of this agent that waits for a CSR`)
}
