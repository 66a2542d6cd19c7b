import type { WorkAnswer, WorkItem } from '@certctl/api'
import { claimAgentWork } from '../../../../apps/server/src/work/claim-work.js'
import { oneDeploymentPerTarget } from '../invariants/one-deployment-per-target.js'
import { isOut } from '../outages.js'
import type { World } from '../world.js'
import type { AgentModel } from './agent-model.js'
import { callServer } from './call-server.js'
import { deploy } from './deploy.js'
import { inThisLife } from './in-this-life.js'
import { sendCsr } from './send-csr.js'
import { verify } from './verify.js'

const leaseSeconds = 120
const idleSeconds = 96 * 3600
const unlistedGraceMs = 86_400_000
const unheardGraceMs = 30 * 86_400_000

/** The agent asks for work so many seconds from now, unless it does so earlier. */
export function pollLater(world: World, agent: AgentModel, seconds: number): void {
  const at = Math.round(world.agenda.now() + seconds * 1000)
  if (at >= agent.nextPoll) return
  agent.nextPoll = at
  world.agenda.at(at, async () => {
    if (agent.nextPoll === at) await poll(world, agent)
  })
}

async function poll(world: World, agent: AgentModel): Promise<void> {
  agent.nextPoll = Number.POSITIVE_INFINITY
  if (isOut(agent.outages, world.agenda.now())) return pollLater(world, agent, secondsOff(world, agent))
  const question = {
    agentId: agent.id,
    holding: [...agent.holding.keys()],
    waitSeconds: 0,
    leaseSeconds,
    boot: `${agent.id}-${agent.incarnation}`,
    signal: new AbortController().signal,
  }
  const heard = await callServer(
    world,
    { agent, what: 'asks for work' },
    async () => await claimAgentWork(world.services, question),
  )
  if (heard.is === 'lost') return pollLater(world, agent, agent.random.between(5, 60))
  if (heard.is === 'refused') throw heard.error
  const keysAreLeftOut = careForKeys(world, agent, heard.answer)
  for (const item of heard.answer.jobs) begin(world, agent, item)
  const next = await world.services.store.jobs.nextRunOfAgent(agent.id, world.services.clock.now())
  const seconds = next === undefined ? idleSeconds : (next.getTime() - world.agenda.now()) / 1000 + 0.1
  const idle = agent.random.between(idleSeconds / 2, idleSeconds)
  pollLater(world, agent, Math.min(seconds, keysAreLeftOut ? unlistedGraceMs / 1000 + 60 : idle))
}

function secondsOff(world: World, agent: AgentModel): number {
  const now = world.agenda.now()
  const until = agent.outages.find(({ from, to }) => from <= now && now < to)?.to ?? now
  return (until - now) / 1000 + agent.random.between(1, 60)
}

const doers: Partial<Record<WorkItem['type'], (world: World, agent: AgentModel, item: WorkItem) => Promise<void>>> = {
  Issuance: sendCsr,
  Renewal: sendCsr,
  Deployment: deploy,
  Verification: verify,
}

/** Each job takes a moment; one whose incarnation is over by then is never done. */
function begin(world: World, agent: AgentModel, item: WorkItem): void {
  const work = doers[item.type]
  if (work === undefined) throw new Error(`agents of the simulator know no ${item.type}`)
  oneDeploymentPerTarget(world, agent, item)
  agent.holding.set(item.id, item)
  inThisLife(world, agent, {
    seconds: agent.random.between(0.2, 12),
    action: async () => await work(world, agent, item),
  })
  const { atNextDeployment: befall } = agent
  if (befall === undefined || item.type !== 'Deployment') return
  inThisLife(world, agent, { seconds: agent.random.between(0.05, 0.2), action: async () => befall() })
}

/**
 * Keys that the server lists no more go after a day, unless a target has them; those it never listed after a month. Whether it left one
 * out for the first time.
 */
function careForKeys({ agenda }: World, agent: AgentModel, { keys = [] }: WorkAnswer): boolean {
  const now = agenda.now()
  const listed = new Set(keys.flatMap(({ spki_sha256 }) => spki_sha256))
  const used = new Set([...agent.targets.values()].flatMap(({ held, served }) => [held?.spki, served?.spki]))
  let isLeftOut = false
  for (const [spki, key] of agent.keys) {
    const isListed = listed.has(spki)
    key.wasListed ||= isListed
    isLeftOut ||= !isListed && key.unlistedSince === undefined
    key.unlistedSince = isListed ? undefined : (key.unlistedSince ?? now)
    const isOver = key.wasListed
      ? now - (key.unlistedSince ?? now) > unlistedGraceMs
      : now - key.madeAt > unheardGraceMs
    if (isOver && !used.has(spki)) agent.keys.delete(spki)
  }
  return isLeftOut
}
