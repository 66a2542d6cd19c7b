import { createWorld, type SeedResult, startMs } from './create-world.js'
import { createDatabase } from './database.js'
import { checkAtTheEnd, prepareChecks, startChecks } from './invariants/check.js'
import { startFaults } from './operator/faults.js'
import { startPeople } from './operator/people.js'
import { setUp } from './operator/set-up.js'
import type { Scenario } from './scenario.js'
import { startLoops } from './server/run-loops.js'
import { startVacuum } from './server/vacuum.js'
import { asItIs, type Tampering } from './tampering.js'
import type { Figures, World } from './world.js'

export interface SeedOptions {
  scenario: Scenario
  /** Of a PostgreSQL, as its owner. */
  postgres: string
  tampering?: Tampering | undefined
  /** Told about every ten virtual days. */
  onProgress?: ((days: number, figures: Figures) => void) | undefined
}

const dayMs = 86_400_000

/** Lives one world from its first day to its last, or to the first thing that must not be. */
export async function runSeed(options: SeedOptions): Promise<SeedResult> {
  const { scenario, postgres, tampering = asItIs } = options
  const database = await createDatabase(postgres, `simulation_${process.pid}_${scenario.seed}`)
  try {
    await tampering.setUp?.(database.sql)
    const made = await createWorld({ scenario, database, tampering })
    try {
      await live(made.world, options)
      return made.result()
    } finally {
      await made.close()
    }
  } finally {
    await database.close()
  }
}

async function live(world: World, { scenario, onProgress }: SeedOptions): Promise<void> {
  await prepareChecks(world)
  await setUp(world)
  await startVacuum(world)
  startFaults(world)
  startPeople(world)
  startLoops(world)
  startChecks(world)
  for (let day = 10; day < scenario.days + 10; day += 10) {
    await world.agenda.runUntil(startMs + Math.min(day, scenario.days) * dayMs)
    onProgress?.(Math.min(day, scenario.days), world.figures)
  }
  await checkAtTheEnd(world)
}
