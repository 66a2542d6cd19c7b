import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface ServerProcess {
  readonly child: ChildProcess
  readonly pid: number
  /** What it logged, one object a line. */
  readonly logged: Record<string, unknown>[]
  stderr(): string
  /** Resolves with the first log line of this message; rejects with all that was said when the process ends without it. */
  until(message: string): Promise<Record<string, unknown>>
  readonly ended: Promise<{ code: number | null; signal: string | null }>
}

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const loader = new URL('../../../scripts/as-shipped.mjs', import.meta.url).href

/** The real program from its source, with this environment and nothing else of ours. */
export function startServerProcess(
  environment: Readonly<Record<string, string>>,
  argv: readonly string[] = [],
): ServerProcess {
  const child = spawn(process.execPath, ['--import', loader, '--conditions=@certctl/source', main, ...argv], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const logged: Record<string, unknown>[] = []
  const waiting = new Set<() => void>()
  let errors = ''
  let isOver = false
  const look = () => {
    for (const check of waiting) check()
  }
  createInterface({ input: child.stdout }).on('line', (line) => {
    logged.push(line.startsWith('{') ? JSON.parse(line) : { text: line })
    look()
  })
  child.stderr.on('data', (chunk) => {
    errors += String(chunk)
  })
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on('close', (code, signal) => {
      isOver = true
      look()
      resolve({ code, signal })
    })
  })
  return {
    child,
    pid: child.pid ?? 0,
    logged,
    stderr: () => errors,
    ended,
    until: async (message) =>
      await new Promise((resolve, reject) => {
        const check = () => {
          const found = logged.find(({ msg }) => msg === message)
          if (found === undefined && !isOver) return
          waiting.delete(check)
          if (found !== undefined) resolve(found)
          else reject(new Error(`it ended without "${message}": ${errors}${JSON.stringify(logged)}`))
        }
        waiting.add(check)
        check()
      }),
  }
}
