import type { WorkItem } from '@certctl/api'
import { agentCertificate } from '../../../../apps/server/src/inventory/agent-certificate.js'
import { keepsItsKey } from '../invariants/keeps-its-key.js'
import { mayBeDeployed } from '../invariants/revoked-is-not-deployed.js'
import { owesService } from '../invariants/serves-in-time.js'
import type { World } from '../world.js'
import type { AgentModel, Held, TargetModel } from './agent-model.js'
import { callServer } from './call-server.js'
import { inThisLife } from './in-this-life.js'
import { sendReport } from './send-report.js'

/** Puts a certificate on a target: fetched, written, reloaded, seen to be served; or put back, with the reason. */
export async function deploy(world: World, agent: AgentModel, item: WorkItem): Promise<void> {
  const target = agent.targets.get(item.target_id ?? '')
  const wanted = item.deployment
  if (target === undefined || wanted === undefined)
    throw new Error(`${agent.id} was given a job for a target of another`)
  const heard = await callServer(world, { agent, what: `fetches ${item.certificate_id}` }, async () =>
    agentCertificate(world.services, {
      agentId: agent.id,
      certificateId: item.certificate_id,
      fingerprint: wanted.fingerprint,
    }),
  )
  if (heard.is === 'lost')
    return inThisLife(world, agent, {
      seconds: agent.random.between(3, 20),
      action: async () => await deploy(world, agent, item),
    })
  if (heard.is === 'refused') return await fail(world, agent, { item, code: heard.error.code })
  if (!agent.keys.has(wanted.spki_sha256)) return await fail(world, agent, { item, code: 'not_found' })
  mayBeDeployed(world, target, wanted.fingerprint)
  if (agent.random.happens(world.scenario.reloadFailures)) {
    // Undoing needs the key of what was there before.
    keepsItsKey(world, agent, target)
    return await fail(world, agent, { item, code: 'deploy_failed' })
  }
  const notAfter = new Date(heard.answer.not_after).getTime()
  put(world, target, { fingerprint: wanted.fingerprint, spki: wanted.spki_sha256, notAfter })
  await serve(world, agent, { item, target })
}

function put(world: World, target: TargetModel, held: Held): void {
  if (target.held?.fingerprint !== held.fingerprint) target.previous = target.held
  target.held = held
  world.drifted.delete(target.id)
  world.figures.deployments += 1
}

/** Most services serve it at once; some in a while, which the report says. */
async function serve(
  world: World,
  agent: AgentModel,
  { item, target }: { item: WorkItem; target: TargetModel },
): Promise<void> {
  const { held } = target
  if (held === undefined) return
  const isLater = agent.random.happens(0.05)
  const show = (): void => {
    if (target.held !== held) return
    target.served = held
    owesService(world, { agent, target, version: held })
  }
  if (isLater) world.agenda.after(agent.random.between(20, 500), show)
  else show()
  const receipt = {
    changed: true,
    served: isLater ? 'later' : 'served',
    location: '/etc/simulated',
    effective: 'now',
  } as const
  await sendReport(world, agent, { item, report: { outcome: 'done', ...namesOf(item), receipt } })
}

async function fail(world: World, agent: AgentModel, { item, code }: { item: WorkItem; code: string }): Promise<void> {
  const message =
    code === 'deploy_failed' ? 'The service refuses to reload; everything was put back' : `It ended with ${code}`
  await sendReport(world, agent, { item, report: { outcome: 'failed', code, message, ...namesOf(item) } })
}

function namesOf({ deployment }: WorkItem) {
  return {
    fingerprint: deployment?.fingerprint,
    target_generation: deployment?.target_generation,
    certificate_generation: deployment?.certificate_generation,
  }
}
