import type { JobReport, WorkItem } from '@certctl/api'
import type { World } from '../world.js'
import type { AgentModel, TargetModel } from './agent-model.js'
import { sendReport } from './send-report.js'

/** Looks at a target and shakes hands with it. */
export async function verify(world: World, agent: AgentModel, item: WorkItem): Promise<void> {
  const target = agent.targets.get(item.target_id ?? '')
  if (target === undefined) throw new Error(`${agent.id} was asked to look at a target of another`)
  const { fingerprint, target_generation } = item.deployment ?? {}
  const seen = sightOf(world, agent, { target, wanted: fingerprint ?? '' })
  await sendReport(world, agent, { item, report: { outcome: 'done', fingerprint, target_generation, ...seen } })
  if (target.held?.fingerprint === fingerprint) world.drifted.delete(target.id)
}

export function sightOf(
  { agenda }: World,
  { skewSeconds }: AgentModel,
  { target, wanted }: { target: TargetModel; wanted: string },
): { verification: NonNullable<JobReport['verification']>; served: NonNullable<JobReport['served']> } {
  const { held, served } = target
  const look = {
    endpoint: `${target.id}.example.test:443`,
    chain_ok: true,
    at: new Date(agenda.now() + skewSeconds * 1000).toISOString(),
  }
  return {
    verification: {
      matches: held?.fingerprint === wanted,
      location: '/etc/simulated',
      ...(held === undefined ? {} : { found_fingerprint: held.fingerprint }),
    },
    served: [
      served === undefined ? { ...look, detail: 'nobody answers' } : { ...look, fingerprint: served.fingerprint },
    ],
  }
}
