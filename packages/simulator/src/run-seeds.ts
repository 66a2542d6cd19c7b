import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { SeedResult } from './create-world.js'
import type { Scenario } from './scenario.js'
import type { Figures } from './world.js'

export interface SeedTask {
  scenario: Scenario
  postgres: string
}

export type SeedMessage =
  | { is: 'progress'; seed: number; days: number; figures: Figures; seconds: number }
  | { is: 'result'; result: SeedResult; seconds: number }

export interface SeedRun {
  scenarios: readonly Scenario[]
  postgres: string
  /** At once. */
  processes: number
  /** The program that lives one world per message it is sent. */
  program: string
  onMessage(message: SeedMessage): void
}

/** Lives one world after the other in so many processes; what one of them breaks by itself is an error. */
export async function runSeeds(run: SeedRun): Promise<SeedResult[]> {
  const waiting = [...run.scenarios]
  const results: SeedResult[] = []
  const work = async (): Promise<void> => {
    for (let scenario = waiting.shift(); scenario !== undefined; scenario = waiting.shift())
      results.push(await runOne(run, scenario))
  }
  await Promise.all(Array.from({ length: run.processes }, work))
  return results.toSorted((a, b) => a.seed - b.seed)
}

async function runOne({ postgres, program, onMessage }: SeedRun, scenario: Scenario): Promise<SeedResult> {
  const child: ChildProcess = fork(program, ['--child'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  let result: SeedResult | undefined
  child.on('message', (message: SeedMessage) => {
    if (message.is === 'result') result = message.result
    onMessage(message)
  })
  const task: SeedTask = { scenario, postgres }
  child.send(task)
  const [code] = await once(child, 'exit')
  if (result === undefined)
    throw new Error(`the process of seed ${scenario.seed} ended with ${String(code)} and without a result`)
  return result
}
