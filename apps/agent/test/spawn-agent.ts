import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** An agent in a process of its own, as an operator runs it. */
export interface SpawnedAgent {
  /** Everything it wrote so far. */
  output(): string
  /** `kill -9`: nothing of it runs any further. */
  kill(): Promise<void>
  stop(): Promise<number | null>
  exited: Promise<number | null>
}

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const loader = new URL('../../../scripts/as-shipped.mjs', import.meta.url).href

export function spawnAgent(environment: Record<string, string>, argv: readonly string[] = []): SpawnedAgent {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, ['--conditions=@certctl/source', '--import', loader, main, ...argv], {
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  // Only then everything it wrote has arrived.
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  return {
    exited,
    output: () => Buffer.concat(chunks).toString('utf8'),
    kill: async () => void (await ended(child, 'SIGKILL', exited)),
    stop: () => ended(child, 'SIGTERM', exited),
  }
}

async function ended(
  child: ChildProcess,
  signal: NodeJS.Signals,
  exited: Promise<number | null>,
): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal)
  return await exited
}
