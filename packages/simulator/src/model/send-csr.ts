import type { WorkItem } from '@certctl/api'
import { acceptCsr } from '../../../../apps/server/src/lifecycle/csr/accept-csr.js'
import type { World } from '../world.js'
import { type AgentModel, makeCsr } from './agent-model.js'
import { callServer } from './call-server.js'
import { inThisLife } from './in-this-life.js'

/** Makes a key and a CSR for a job, once, and sends it until somebody answers. */
export async function sendCsr(world: World, agent: AgentModel, item: WorkItem): Promise<void> {
  const csrPem = agent.csrs.get(item.id) ?? (await newCsr(world, agent, item))
  const heard = await callServer(world, { agent, what: `sends a CSR for ${item.certificate_id}` }, async () => {
    const job = await world.services.store.jobs.get(item.id)
    return await acceptCsr(world.services, {
      holderId: job?.holder_id ?? '',
      csrPem,
      job: { id: item.id, lease: item.lease ?? '' },
      actor: { type: 'Agent', id: agent.id, name: agent.id },
    })
  })
  if (heard.is === 'lost')
    return inThisLife(world, agent, {
      seconds: agent.random.between(5, 45),
      action: async () => await sendCsr(world, agent, item),
    })
  agent.holding.delete(item.id)
  if (heard.is === 'answered') agent.csrs.delete(item.id)
  world.journal.note(
    `${agent.id} sent a CSR for ${item.certificate_id}: ${heard.is === 'refused' ? heard.error.code : 'taken'}`,
  )
}

async function newCsr({ agenda, tampering }: World, agent: AgentModel, item: WorkItem): Promise<string> {
  const { csrPem, spki } = await makeCsr(item)
  const { certificate_id: certificateId } = item
  agent.keys.set(spki, { certificateId, madeAt: agenda.now(), wasListed: false, unlistedSince: undefined })
  tampering.onNewKey?.(agent, { certificateId, spki })
  agent.csrs.set(item.id, csrPem)
  return csrPem
}
