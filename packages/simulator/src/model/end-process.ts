import type { WorkItem } from '@certctl/api'
import { onlyTheHolderSettles } from '../invariants/only-the-holder-settles.js'
import type { World } from '../world.js'
import type { AgentModel } from './agent-model.js'
import { callServer } from './call-server.js'
import { pollLater } from './poll.js'
import { settle } from './send-report.js'

/** The agent's process ends and starts again: it holds no job any more. What it was about to say of a deployment is heard minutes later. */
export function endProcess(world: World, agent: AgentModel): void {
  const { random } = agent
  world.journal.note(`${agent.id} crashes with ${agent.holding.size} jobs`)
  const half = [...agent.holding.values()].find(({ type }) => type === 'Deployment')
  agent.incarnation += 1
  agent.atNextDeployment = undefined
  agent.holding.clear()
  agent.reporting.clear()
  pollLater(world, agent, random.between(2, 30))
  if (half !== undefined) world.agenda.after(random.between(5, 600), async () => await lateReport(world, agent, half))
}

/** What a process was about to say when it stalled is heard when another one has long gone on. */
async function lateReport(world: World, agent: AgentModel, item: WorkItem): Promise<void> {
  const report = { outcome: 'failed', code: 'deploy_failed', message: 'It was interrupted' } as const
  const [job] = await world.sql.rows<{ lease: string | null }>('select lease from jobs where id = $1', [item.id])
  const heard = await callServer(
    world,
    { agent, what: 'reports late' },
    async () => await settle(world, agent, { item, report }),
  )
  world.journal.note(`${agent.id} reported late: ${heard.is}`)
  onlyTheHolderSettles(world, { agent, item, lease: job?.lease ?? undefined, isBelieved: heard.is === 'answered' })
}
