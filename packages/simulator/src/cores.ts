import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { numbersIn } from './numbers-in.js'

/** Who is on which core. */
export interface Cores<Process> {
  /** The core with the fewest; `undefined` where processes cannot be bound here. */
  enter(process: Process): number | undefined
  /** Who takes the place that is left, and the core, where another one has two more. */
  leave(process: Process): { process: Process; core: number } | undefined
}

/**
 * A world and its PostgreSQL only ever wait for one another, and waking the other one on another core costs more than the statement: each
 * pair stays on one core.
 */
export function createCores<Process>(cores: readonly number[] = allowedCores()): Cores<Process> {
  const on = new Map<number, Process[]>(cores.map((core) => [core, []]))
  const sorted = (): [number, Process[]][] => [...on].toSorted(([, one], [, other]) => one.length - other.length)
  return {
    enter(process) {
      const [emptiest] = sorted()
      emptiest?.[1].push(process)
      return emptiest?.[0]
    },
    leave(process) {
      for (const [core, processes] of on)
        on.set(
          core,
          processes.filter((other) => other !== process),
        )
      const [emptiest, fullest] = [sorted().at(0), sorted().at(-1)]
      if (emptiest === undefined || fullest === undefined || fullest[1].length < emptiest[1].length + 2)
        return undefined
      const moved = fullest[1].pop() as Process
      emptiest[1].push(moved)
      return { process: moved, core: emptiest[0] }
    },
  }
}

/** Those that this process may run on; none where the system does not say. */
function allowedCores(): number[] {
  try {
    const [, list = ''] = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    return numbersIn(list)
  } catch {
    return []
  }
}

/** Moves processes with all their threads, and the children that they have. */
export function moveTo(core: number, pids: readonly number[]): void {
  for (const pid of pids) {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' })
    // Asked when it is there: those it makes from then on are there, too.
    for (const child of childrenOf(pid)) moveUnlessGone(core, child)
  }
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

function moveUnlessGone(core: number, pid: number): void {
  try {
    moveTo(core, [pid])
  } catch (error) {
    if (isThere(pid)) throw error
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
