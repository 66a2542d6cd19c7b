import type { JobReport, WorkItem } from '@certctl/api'
import { settleReport } from '../../../../apps/server/src/lifecycle/settle-report.js'
import type { World } from '../world.js'
import type { AgentModel } from './agent-model.js'
import { callServer } from './call-server.js'
import { inThisLife } from './in-this-life.js'

/** Says how a job ended, until somebody answers. */
export async function sendReport(
  world: World,
  agent: AgentModel,
  { item, report }: { item: WorkItem; report: Omit<JobReport, 'lease' | 'duration_ms'> },
): Promise<void> {
  const said = { item, report }
  agent.reporting.add(item.id)
  const heard = await callServer(world, { agent, what: `reports ${item.type} of ${item.certificate_id}` }, async () => {
    await settle(world, agent, said)
  })
  if (heard.is === 'lost')
    return inThisLife(world, agent, {
      seconds: agent.random.between(5, 60),
      action: async () => await sendReport(world, agent, said),
    })
  agent.holding.delete(item.id)
  agent.reporting.delete(item.id)
  const answer = heard.is === 'refused' ? heard.error.code : 'taken'
  world.journal.note(
    `${agent.id} reported ${item.type} of ${item.certificate_id} at ${item.target_id ?? '-'} as ${report.outcome}: ${answer}`,
  )
}

/** What the route behind it does. */
export async function settle(
  { services, sql, tampering }: World,
  agent: AgentModel,
  { item, report }: { item: WorkItem; report: Omit<JobReport, 'lease' | 'duration_ms'> },
): Promise<void> {
  const own = { id: item.id, lease: item.lease ?? '' }
  const lease = (await tampering.leaseOf?.(sql, own)) ?? own.lease
  await settleReport(services, {
    jobId: item.id,
    agentId: agent.id,
    actor: { type: 'Agent', id: agent.id, name: agent.id },
    report: { ...report, lease, duration_ms: 1 },
  })
}
