import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { until } from './until.js'

export interface Running {
  readonly pid: number
  readonly child: ChildProcess
  /** Everything it printed, both streams. */
  output(): string
  printed(pattern: RegExp, seconds?: number): Promise<RegExpExecArray>
  isAlive(): boolean
  kill9(): Promise<void>
  /** SIGTERM, and the exit code; SIGKILL after the bound. */
  stop(seconds?: number): Promise<number | null>
}

export interface StartOptions {
  argv: readonly [string, ...string[]]
  env: Readonly<Record<string, string>>
  logFile: string
  uid?: number | undefined
  gid?: number | undefined
  cwd?: string | undefined
}

/** Starts a process of ours with an environment that holds nothing but what is given and the search path. */
export function start({ argv: [program, ...args], env, logFile, uid, gid, cwd }: StartOptions): Running {
  // Written by the process itself: all that it printed is there when it has ended.
  const log = openSync(logFile, 'a')
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin:/usr/sbin:/sbin', ...env },
    stdio: ['ignore', log, log],
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(cwd === undefined ? {} : { cwd }),
  })
  closeSync(log)
  const gone = once(child, 'exit')
  const isAlive = () => child.exitCode === null && child.signalCode === null
  const output = () => readFileSync(logFile, 'utf8')
  return {
    pid: child.pid ?? -1,
    child,
    output,
    isAlive,
    printed: (pattern, seconds = 120) =>
      until(`${program} ${args[0] ?? ''} prints ${pattern}`, seconds, () => {
        const found = pattern.exec(output())
        if (found === null && !isAlive()) throw new Error(`it ended instead:\n${output().slice(-4000)}`)
        return found ?? undefined
      }),
    async kill9() {
      if (isAlive()) child.kill('SIGKILL')
      await gone
    },
    async stop(seconds = 120) {
      if (isAlive()) child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000)
      await gone
      clearTimeout(timer)
      return child.exitCode
    },
  }
}
