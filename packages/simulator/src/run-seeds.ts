import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { messageOf } from '@certctl/core'
import { type Cores, createCores } from './cores.js'
import type { SeedResult } from './create-world.js'
import type { Scenario } from './scenario.js'
import type { Figures } from './world.js'

export type SeedMessage =
  | { is: 'progress'; seed: number; days: number; figures: Figures; seconds: number }
  | { is: 'result'; result: SeedResult; seconds: number }

/** What a process is told: to live a world, or to go to another core with all that it has started. */
export type SeedOrder = { is: 'live'; scenario: Scenario } | { is: 'move'; core: number }

export interface SeedRun {
  scenarios: readonly Scenario[]
  /** At once. */
  processes: number
  /** The program that does what it is told until nobody listens any more. */
  program: string
  /** Ends all of them. */
  signal: AbortSignal
  onMessage(message: SeedMessage): void
}

/** Lives one world after the other in so many processes; what one of them breaks by itself is an error. None runs any more afterwards. */
export async function runSeeds(run: SeedRun): Promise<SeedResult[]> {
  const waiting = [...run.scenarios]
  const results: SeedResult[] = []
  const cores = createCores<ChildProcess>()
  const work = async (): Promise<void> => {
    const child = startProcess(run, cores)
    try {
      for (let scenario = waiting.shift(); scenario !== undefined; scenario = waiting.shift())
        results.push(await live(child, scenario, run))
    } catch (error) {
      // The others live their world to its end, and begin no other.
      waiting.length = 0
      throw error
    } finally {
      await end(child)
      const next = cores.leave(child)
      if (next !== undefined) tell(next.process, { is: 'move', core: next.core })
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: Math.min(run.processes, waiting.length) }, work))
  const broken = ended.find((one) => one.status === 'rejected')
  if (broken !== undefined) throw broken.reason
  return results.toSorted((a, b) => a.seed - b.seed)
}

/** Hundreds of functions run a little here and none of them much: interpreting them until they are worth it takes a tenth longer. */
const compiledAtOnce = ['--always-sparkplug']

function startProcess({ program, signal }: SeedRun, cores: Cores<ChildProcess>): ChildProcess {
  const child = fork(program, ['--child'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...process.execArgv, ...compiledAtOnce],
  })
  const core = cores.enter(child)
  if (core !== undefined) tell(child, { is: 'move', core })
  signal.addEventListener('abort', () => void end(child))
  return child
}

function tell(child: ChildProcess, order: SeedOrder): void {
  if (child.connected) child.send(order)
}

async function live(child: ChildProcess, scenario: Scenario, { onMessage }: SeedRun): Promise<SeedResult> {
  return await new Promise((resolve, reject) => {
    if (!child.connected) throw new Error(`the process of seed ${scenario.seed} has ended`)
    const hear = (message: SeedMessage): void => {
      onMessage(message)
      if (message.is !== 'result') return
      child.off('message', hear).off('exit', left).off('error', reject)
      resolve(message.result)
    }
    const left = (code: number | null): void =>
      reject(new Error(`the process of seed ${scenario.seed} ended with ${String(code)} and without a result`))
    child.on('message', hear).once('exit', left).once('error', reject)
    tell(child, { is: 'live', scenario })
  })
}

/** It stops what it has started when nobody listens to it any more. One that stands still is killed, and its PostgreSQL is left. */
async function end(child: ChildProcess): Promise<void> {
  if (child.connected) child.disconnect()
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const timer = setTimeout(() => killStuck(child), longestEndMs)
  await once(child, 'exit')
  clearTimeout(timer)
}

/** Stopping PostgreSQL may take half a minute, on a disk that is busy. */
const longestEndMs = 60_000

function killStuck(child: ChildProcess): void {
  if (child.killed) return
  process.stderr.write(
    `process ${child.pid} of a world did not end within ${longestEndMs / 1000} s: ${doingOf(child)}\n`,
  )
  child.kill('SIGKILL')
}

/** State of each thread, where the system says. */
function doingOf({ pid }: ChildProcess): string {
  try {
    const tasks = `/proc/${pid}/task`
    return readdirSync(tasks)
      .map((task) =>
        /\((.*)\) (\S)/s
          .exec(readFileSync(`${tasks}/${task}/stat`, 'utf8'))
          ?.slice(1)
          .join(' '),
      )
      .join(', ')
  } catch (error) {
    return messageOf(error)
  }
}
