import { createRegistry } from '@certctl/core'
import { createActivities } from './activities.js'
import { createAgenda } from './agenda.js'
import type { SimulationDatabase } from './database.js'
import { createJournal } from './journal.js'
import { type CaModel, createCa } from './model/ca-model.js'
import { mannersOf } from './model/manners.js'
import { pollLater } from './model/poll.js'
import { createRandom } from './random.js'
import { commandOf, type Scenario } from './scenario.js'
import { createServices } from './server/create-services.js'
import type { OnWake } from './server/wakes.js'
import { createWorker, type Worker } from './server/worker.js'
import type { Tampering } from './tampering.js'
import type { Violation } from './violation.js'
import type { Figures, World } from './world.js'

export interface SeedResult {
  seed: number
  violation: Violation | undefined
  figures: Figures
  events: number
  /** Over everything that happened. */
  hash: string
}

export const startMs = Date.UTC(2026, 0, 1)

export interface Made {
  world: World
  result(): SeedResult
  close(): Promise<void>
}

/** Everything of one world, and nothing has happened yet. */
export async function createWorld({
  scenario,
  database,
  tampering,
}: {
  scenario: Scenario
  database: SimulationDatabase
  tampering: Tampering
}): Promise<Made> {
  const agenda = createAgenda(startMs)
  const journal = createJournal(agenda.now)
  const random = createRandom(`seed ${scenario.seed}`)
  const registry = createRegistry()
  const workers: Worker[] = []
  const services = createServices({
    agenda,
    random: random.fork('server'),
    address: database.address,
    registry,
    onWake: (channel, subject) => onWake(channel, subject),
    onLogged: (line) => journal.note(`the server logs: ${line.msg}: ${line.what ?? ''} ${line.reason ?? ''}`),
    change: tampering.change,
  })
  let violation: Violation | undefined
  const cas = new Map<string, CaModel>()
  const world: World = {
    scenario,
    tampering,
    agenda: tampering.afterEach === undefined ? agenda : tampered(agenda, tampering, database),
    journal,
    random,
    activities: createActivities(agenda),
    services,
    sql: database.sql,
    cas,
    agents: new Map(),
    asked: new Map(),
    revoked: new Map(),
    drifted: new Set(),
    putOff: new Set(),
    figures: { issued: 0, deployments: 0, revoked: 0, lostAnswers: 0, failedCalls: 0 },
    violate(invariant, expected) {
      const at = new Date(agenda.now()).toISOString()
      const { seed } = scenario
      violation ??= { seed, at, invariant, expected, lastEvents: journal.last(), command: commandOf(scenario) }
      agenda.stop()
    },
  }
  for (const manners of mannersOf(scenario)) {
    const ca = await createCa(manners, () => world)
    cas.set(ca.id, ca)
    registry.add({ kind: 'issuer', definition: ca.definition, package: ca.id, version: '0.0.0' })
  }
  for (const server of ['server-1', 'server-2']) workers.push(createWorker(world, server))
  const onWake = hear(world, workers)
  return {
    world,
    result: () => ({
      seed: scenario.seed,
      violation,
      figures: world.figures,
      events: journal.count(),
      hash: journal.hash(),
    }),
    close: async () => await services.close(),
  }
}

/** Wake-ups reach one of the copies, or the agent, within seconds; the one that was lost is made up for at the next look. */
function hear(world: World, workers: readonly Worker[]): OnWake {
  const random = world.random.fork('wakes')
  return (channel, subject) => {
    const isLost = random.happens(world.scenario.callFailures)
    const agent = channel === 'agent' ? world.agents.get(subject) : undefined
    if (agent !== undefined) pollLater(world, agent, isLost ? random.between(10, 55) : random.between(0.1, 3))
    if (channel === 'work') random.pick(workers).wake(isLost ? random.between(10, 30) : random.between(0.05, 1))
  }
}

function tampered(agenda: World['agenda'], { afterEach }: Tampering, { sql }: SimulationDatabase): World['agenda'] {
  const at: World['agenda']['at'] = (ms, action) =>
    agenda.at(ms, async () => {
      await action()
      await afterEach?.(sql, new Date(agenda.now()))
    })
  return { ...agenda, at, after: (seconds, action) => at(agenda.now() + seconds * 1000, action) }
}
