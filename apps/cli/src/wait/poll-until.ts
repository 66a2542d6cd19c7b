import { CertctlError } from '@certctl/core'
import type { Cli } from '../cli.js'
import { withProgress } from '../output/progress.js'

/** What one look showed. */
export interface Look {
  done: boolean
  /** By thing looked at: where it stands. A line is shown when it changes. */
  lines: ReadonlyMap<string, string>
  /** What is counted down beside a line, by the same thing: shown with it, and no change of it. */
  countdowns?: ReadonlyMap<string, string> | undefined
}

/** Looks again and again until it is done, ever less often; rejects `aborted` with where everything stands when time is up. */
export async function pollUntil(
  cli: Cli,
  { what, timeoutSeconds }: { what: string; timeoutSeconds: number },
  look: () => Promise<Look>,
): Promise<void> {
  await withProgress(cli.io, what, async (report) => {
    const end = cli.io.now().getTime() + timeoutSeconds * 1000
    let shown: ReadonlyMap<string, string> = new Map()
    for (let pause = 0.5; ; pause = Math.min(pause * 1.5, 5)) {
      const { done, lines, countdowns } = await look()
      const said = (thing: string) => `${thing}: ${lines.get(thing)}${countdowns?.get(thing) ?? ''}`
      for (const [thing, line] of lines) if (shown.get(thing) !== line && !cli.json) report(said(thing))
      shown = lines
      if (done) return
      if (cli.io.now().getTime() >= end) throw outOfTime(what, timeoutSeconds, [...lines.keys()].map(said))
      await cli.io.delay(pause, cli.io.signal)
    }
  })
}

function outOfTime(what: string, seconds: number, standing: readonly string[]): CertctlError {
  return new CertctlError(
    'aborted',
    `${what} has not ended within ${seconds}s and goes on (${standing.join('; ') || 'nothing has begun'})`,
  )
}
