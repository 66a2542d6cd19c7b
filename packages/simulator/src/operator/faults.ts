import { recordObservations } from '../../../../apps/server/src/lifecycle/verification/record-observations.js'
import { keepsItsKey } from '../invariants/keeps-its-key.js'
import { owesFirst, owesService } from '../invariants/serves-in-time.js'
import type { AgentModel, TargetModel } from '../model/agent-model.js'
import { endProcess } from '../model/end-process.js'
import { inThisLife } from '../model/in-this-life.js'
import { pollLater } from '../model/poll.js'
import { sightOf } from '../model/verify.js'
import { isOut } from '../outages.js'
import type { Random } from '../random.js'
import { askAnew } from '../server/ask-for-windows.js'
import type { World } from '../world.js'
import { noteWish } from './note-wish.js'

const day = 86_400
const dayMs = day * 1000

/** Everything that goes wrong by itself, from the seed. */
export function startFaults(world: World): void {
  const random = world.random.fork('faults')
  planOutages(world, random)
  planWantedBack(world)
  const targets = world.scenario.certificates
  every(world, { random, days: 10 / targets, action: () => restartService(world, random) })
  every(world, { random, days: 120 / targets, action: async () => await drift(world, random) })
  every(world, { random, days: 15 / world.agents.size, action: () => crash(world, random) })
  every(world, { random, days: 200 / world.agents.size, action: async () => await loseDisk(world, random) })
}

/** Again and again, that many days apart on average. */
function every(world: World, plan: { random: Random; days: number; action: () => Promise<void> | void }): void {
  world.agenda.after(-Math.log(1 - plan.random.next()) * plan.days * day, async () => {
    await plan.action()
    every(world, plan)
  })
}

/** One CA is away for long, each time another, and a share of the agents is off; some of it at the same time. */
function planOutages({ scenario, agenda, cas, agents }: World, random: Random): void {
  const start = agenda.now()
  const { days, caOutages, caOutageHours, agentsOff, agentOffDays } = scenario
  const someDay = () => start + random.between(Math.min(8, days * 0.2), days - 8) * dayMs
  const list = [...cas.values()]
  for (let number = 0; number < caOutages; number++) {
    const from = someDay()
    const ca = list[(random.whole(0, 3) + number) % list.length]
    ca?.outages.push({ from, to: from + caOutageHours * 3_600_000 })
  }
  const all = [...agents.values()]
  for (let number = 0; number < Math.ceil(all.length * agentsOff); number++) {
    const from = someDay()
    random.pick(all).outages.push({ from, to: from + agentOffDays * dayMs })
  }
}

/** A CA finds out that it has issued wrongly, and revokes nothing yet: whoever asks it hears that his certificate is to be renewed now. */
function planWantedBack(world: World): void {
  const { scenario, agenda, cas, sql, services } = world
  const random = world.random.fork('wanted back')
  const suggesting = [...cas.values()].filter(({ suggests }) => suggests)
  for (let number = 0; number < scenario.wantedBack; number++)
    agenda.after(random.between(0.3, 0.8) * scenario.days * day, async () => {
      const ca = random.pick(suggesting)
      world.journal.note(`${ca.id} wants all that it issued renewed`)
      ca.wantedBackAt = agenda.now()
      await sql.rows('insert into simulated_wanted_back (at, issuer_id) values ($1, $2)', [services.clock.now(), ca.id])
      await askAnew(world, ca.id)
    })
}

function anyTarget({ agents }: World, random: Random): { agent: AgentModel; target: TargetModel } | undefined {
  const agent = random.pick([...agents.values()])
  const targets = [...agent.targets.values()]
  return targets.length === 0 ? undefined : { agent, target: random.pick(targets) }
}

/** A service that restarts reads its files again. */
function restartService(world: World, random: Random): void {
  const found = anyTarget(world, random)
  if (found === undefined) return
  const { agent, target } = found
  keepsItsKey(world, agent, target)
  target.served = target.held
  if (target.served === undefined) owesFirst(world, { agent, target })
}

/** Somebody restores a backup: the earlier certificate is there again. The agent may see it at once, or the server when it has it looked at. */
async function drift(world: World, random: Random): Promise<void> {
  const found = anyTarget(world, random)
  if (found === undefined) return
  const { agent, target } = found
  const { held, previous } = target
  const isUsable =
    previous !== undefined && agent.keys.has(previous.spki) && previous.notAfter > world.agenda.now() + dayMs
  if (held === undefined || !isUsable || world.revoked.has(previous.fingerprint)) return
  target.held = previous
  target.served = previous
  world.drifted.add(target.id)
  owesService(world, { agent, target, version: previous })
  world.journal.note(`${target.id} has an earlier certificate again`)
  if (random.happens(0.5))
    inThisLife(world, agent, { seconds: 60, action: async () => await observe(world, agent, target) })
}

async function observe(world: World, agent: AgentModel, target: TargetModel): Promise<void> {
  const [placement] = await world.sql.rows<{ fingerprint: string }>(
    `select versions.fingerprint from placements join versions on versions.id = placements.desired_version_id where target_id = $1`,
    [target.id],
  )
  const { verification: file, served } = sightOf(world, agent, { target, wanted: placement?.fingerprint ?? '' })
  const seen = { target_id: target.id, certificate_id: target.certificateId, file, served }
  const actor = { type: 'Agent', id: agent.id, name: agent.id } as const
  await recordObservations(world.services, { agentId: agent.id, actor, observations: { placements: [seen] } })
}

/** The agent's process ends and starts again, now or in the middle of its next deployment. */
function crash(world: World, random: Random): void {
  const agent = random.pick([...world.agents.values()])
  if (isOut(agent.outages, world.agenda.now())) return
  if (random.happens(0.5)) endProcess(world, agent)
  else agent.atNextDeployment = () => endProcess(world, agent)
}

/** Its keys are gone; what its services have loaded they still serve. */
async function loseDisk(world: World, random: Random): Promise<void> {
  const agent = random.pick([...world.agents.values()])
  if (agent.targets.size === 0) return
  world.journal.note(`${agent.id} loses its disk`)
  agent.incarnation += 1
  agent.holding.clear()
  agent.reporting.clear()
  agent.csrs.clear()
  agent.keys.clear()
  for (const target of agent.targets.values()) {
    target.held = undefined
    target.previous = undefined
    world.drifted.add(target.id)
    await noteWish(world, target.certificateId)
  }
  pollLater(world, agent, random.between(60, 600))
}
