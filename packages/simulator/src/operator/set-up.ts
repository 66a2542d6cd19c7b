import { requestCertificate } from '../../../../apps/server/src/lifecycle/asking/request-certificate.js'
import { linkTarget } from '../../../../apps/server/src/lifecycle/placement/link-target.js'
import { owesFirst } from '../invariants/serves-in-time.js'
import { type AgentModel, createAgentModel, type TargetModel } from '../model/agent-model.js'
import { pollLater } from '../model/poll.js'
import type { World } from '../world.js'
import { operator } from './operator.js'

const day = 86_400

/** Makes the issuers, the agents and their targets, and asks for all certificates within the first days. */
export async function setUp(world: World): Promise<void> {
  await addIssuers(world)
  const { certificates, certificatesPerAgent } = world.scenario
  const count = Math.max(2, Math.ceil(certificates / certificatesPerAgent))
  for (let number = 1; number <= count; number++) await addAgent(world, `agent-${number}`)
  const random = world.random.fork('requests')
  for (let number = 1; number <= certificates; number++)
    world.agenda.after(random.between(0, 2 * day), async () => await request(world, number))
}

async function addIssuers({ services, cas }: World): Promise<void> {
  await services.store.transaction(async (tx) => {
    for (const { id, type } of cas.values())
      await tx.connections.insert({
        id,
        kind: 'issuer',
        type,
        name: id,
        config: '{}',
        enabled: true,
        source: 'api',
        created_at: tx.now,
        updated_at: tx.now,
      })
  })
}

async function addAgent(world: World, id: string): Promise<void> {
  const agent = createAgentModel(id, world.random.fork(id))
  world.agents.set(id, agent)
  await world.services.store.transaction(async (tx) => {
    await tx.agents.insert({ id, name: id, key_hash: Buffer.from(id), registered_at: tx.now })
    await tx.connectorTypes.replaceAll(id, [
      {
        agent_id: id,
        kind: 'target',
        type: 'Simulated',
        aliases: [],
        schema: '{}',
        capabilities: JSON.stringify({ holds: 'one' }),
        package: 'target-simulated',
        version: '1.0.0',
        reported_at: tx.now,
      },
    ])
  })
  pollLater(world, agent, agent.random.between(1, 60))
}

/** Every tenth certificate goes to two targets of one agent, and every other tenth to targets of two. */
async function request(world: World, number: number): Promise<void> {
  const agents = [...world.agents.values()]
  const lifetimes = world.scenario.lifetimes
  const cas = [...world.cas.keys()]
  const lifetimeDays = lifetimes[number % lifetimes.length] ?? 90
  const caId = cas[Math.floor(number / lifetimes.length) % cas.length] ?? ''
  const own = agents[number % agents.length] as AgentModel
  const id = `cert-${number}`
  world.asked.set(id, { id, name: `www-${number}.example.test`, caId, lifetimeDays })
  const targets = [await addTarget(world, { agent: own, id: `target-${number}`, certificateId: id })]
  if (number % 10 === 3)
    targets.push(await addTarget(world, { agent: own, id: `target-${number}-b`, certificateId: id }))
  await requestCertificate(world.services, {
    id,
    actor: operator,
    commonName: `www-${number}.example.test`,
    sans: [],
    issuerId: caId,
    validitySeconds: lifetimeDays * day,
    targetIds: targets.map((target) => target.id),
  })
  for (const target of targets) owesFirst(world, { agent: own, target })
  if (number % 10 === 7) addLater(world, { number, agent: agents[(number + 1) % agents.length] as AgentModel })
}

/** A target that comes when the certificate has long been issued, on an agent that holds no key for it. */
function addLater(world: World, { number, agent }: { number: number; agent: AgentModel }): void {
  const seconds = world.random.fork(`later-${number}`).between(3, world.scenario.days * 0.6) * day
  world.agenda.after(seconds, async () => {
    const certificateId = `cert-${number}`
    const target = await addTarget(world, { agent, id: `target-${number}-c`, certificateId })
    await linkTarget(world.services, { certificateId, targetId: target.id, actor: operator })
    owesFirst(world, { agent, target })
  })
}

async function addTarget(
  { services }: World,
  { agent, id, certificateId }: { agent: AgentModel; id: string; certificateId: string },
): Promise<TargetModel> {
  const target: TargetModel = { id, certificateId, held: undefined, served: undefined, previous: undefined }
  agent.targets.set(id, target)
  await services.store.transaction(
    async (tx) =>
      await tx.targets.insert({
        id,
        name: id,
        type: 'Simulated',
        agent_id: agent.id,
        config: '{}',
        created_at: tx.now,
        updated_at: tx.now,
      }),
  )
  return target
}
