import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Seen {
  requests: number
  perSecond: number
  failed: number
  failures: string[]
  /** In the order they were first met. */
  fingerprints: { fingerprint: string; requests: number }[]
}

/** The process that looks all the time. `finish` lets open requests end and returns what it printed. */
export async function startProbe({
  tsx,
  port,
  serverName,
}: {
  tsx: readonly string[]
  port: number
  serverName: string
}): Promise<{
  finish(): Promise<Seen>
  end(): Promise<void>
}> {
  const child = spawn(
    process.execPath,
    [...tsx, join(import.meta.dirname, 'probe-endpoint.ts'), '127.0.0.1', String(port), serverName],
    {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  )
  let printed = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk
  })
  const gone = once(child, 'close')
  await once(child, 'message')
  return {
    async finish() {
      child.send('finish')
      await gone
      return JSON.parse(printed) as Seen
    },
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await gone
    },
  }
}
