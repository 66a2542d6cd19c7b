/** `pnpm bench`: runs the bars and prints both sides, the ratio and the floor. */
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Bar, holds, measureFairly, reportOf } from './harness.js'

const usage = `Usage: pnpm bench [name…] [--check]

Measures ours against the alternative in one process, in five interleaved rounds, and prints medians per CPU second.

  name      a file of bench/ without its ending; none: all of them
  --check   exit 1 where a bar is below 0.8 of its floor, also at a second try
  --help    this text

Names:
`

const notBars = ['harness.ts', 'run.ts', 'load-inventory.ts']

function benchNames(): string[] {
  return readdirSync(new URL('.', import.meta.url))
    .filter((file) => file.endsWith('.ts') && !notBars.includes(file))
    .map((file) => file.slice(0, -'.ts'.length))
    .toSorted()
}

interface BarFile {
  bars(): Promise<readonly Bar[]>
  /** Stops what the bars started. */
  close?(): Promise<void>
}

async function barFile(name: string): Promise<BarFile> {
  return (await import(new URL(`${name}.ts`, import.meta.url).href)) as BarFile
}

async function main(argv: readonly string[]): Promise<number> {
  const options = { check: { type: 'boolean' }, help: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
  const known = benchNames()
  if (values.help === true) {
    process.stdout.write(usage + known.map((name) => `  ${name}\n`).join(''))
    return 0
  }
  const unknown = positionals.find((name) => !known.includes(name))
  if (unknown !== undefined) {
    process.stderr.write(`There is no bench/${unknown}.ts; there is: ${known.join(', ')}\n`)
    return 2
  }
  const missed = await runAll(positionals.length === 0 ? known : positionals)
  if (values.check !== true || missed.length === 0) return 0
  process.stderr.write(`Below 0.8 of the floor: ${missed.join(', ')}\n`)
  return 1
}

/** Names of the bars that do not hold. */
async function runAll(names: readonly string[]): Promise<string[]> {
  const missed: string[] = []
  for (const name of names) {
    const file = await barFile(name)
    for (const bar of await file.bars()) {
      const measured = await measureFairly(bar)
      process.stdout.write(`${reportOf(measured)}\n\n`)
      if (!holds(measured)) missed.push(bar.name)
    }
    await file.close?.()
  }
  return missed
}

process.exitCode = await main(process.argv.slice(2))
