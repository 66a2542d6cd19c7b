/** Lives worlds from seeds, three at a time, and says what broke. The exit code is the number of seeds that failed. */
import { appendFileSync, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type SimulationPostgres, startPostgres } from './database.js'
import { runSeed } from './run-seed.js'
import { runSeeds, type SeedMessage, type SeedTask } from './run-seeds.js'
import { fullSize, type Scenario, scenarioOf } from './scenario.js'
import { describeViolation } from './violation.js'

const usage = `Usage: pnpm simulate [--seeds 1-3] [--full] [--scenario JSON] [--processes 3] [--results FILE]

Lives worlds from seeds in virtual time and says what broke. The exit code is the number of seeds that failed.

  --seeds     which: 7, 1-3 or 1-3,7; 1-3 where not given
  --full      2,000 certificates over two years; seeds 1-20 unless said otherwise
  --scenario  changes of single values, as a failing run prints them: {"certificates":20,"days":40}
  --processes how many at a time; one and a half per core keeps all cores busy
  --results   one line per finished seed is written there, and seeds that have one are passed over: a run that was cut off goes on
  --help      this text
`

if (process.argv.includes('--child')) process.once('message', (task: SeedTask) => void live(task))
else process.exitCode = await main()

async function live({ scenario, postgres }: SeedTask): Promise<void> {
  const started = performance.now()
  const seconds = (): number => Math.round((performance.now() - started) / 100) / 10
  const send = (message: SeedMessage): boolean | undefined => process.send?.(message)
  const { seed } = scenario
  try {
    const result = await runSeed({
      scenario,
      postgres,
      onProgress: (days, figures) => send({ is: 'progress', seed, days, figures, seconds: seconds() }),
    })
    send({ is: 'result', result, seconds: seconds() })
  } finally {
    process.disconnect()
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      full: { type: 'boolean', default: false },
      scenario: { type: 'string', default: '{}' },
      processes: { type: 'string', default: '3' },
      results: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  const done = doneSeeds(values.results)
  const seeds = seedsOf(values.seeds ?? (values.full ? '1-20' : '1-3')).filter((seed) => !done.includes(seed))
  const changes: Partial<Scenario> = { ...(values.full ? fullSize : {}), ...JSON.parse(values.scenario) }
  const postgres = await startPostgres(mkdtempSync(join(tmpdir(), 'certctl-simulator-')))
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void postgres.stop().finally(() => process.exit(130)))
  try {
    return await run({
      postgres,
      scenarios: seeds.map((seed) => scenarioOf(seed, changes)),
      processes: Number(values.processes),
      results: values.results,
    })
  } finally {
    await postgres.stop()
  }
}

interface Run {
  postgres: SimulationPostgres
  scenarios: readonly Scenario[]
  processes: number
  results: string | undefined
}

async function run({ postgres, scenarios, processes, results }: Run): Promise<number> {
  const all = await runSeeds({
    scenarios,
    postgres: postgres.url,
    processes,
    program: import.meta.filename,
    onMessage(message) {
      say(message)
      if (message.is === 'result' && results !== undefined) appendFileSync(results, `${JSON.stringify(message)}\n`)
    },
  })
  const failed = all.filter(({ violation }) => violation !== undefined)
  process.stdout.write(`${all.length - failed.length} seeds hold, ${failed.length} fail\n`)
  return failed.length
}

function say(message: SeedMessage): void {
  if (message.is === 'progress') {
    const { seed, days, figures, seconds } = message
    process.stdout.write(
      `seed ${seed}: day ${days}, ${figures.issued} issued, ${figures.deployments} deployments, ${seconds} s\n`,
    )
    return
  }
  const { seed, violation, figures, events, hash } = message.result
  if (violation !== undefined) process.stdout.write(`${describeViolation(violation)}\n`)
  process.stdout.write(
    `seed ${seed}: ${violation === undefined ? 'holds' : 'FAILS'} ${JSON.stringify({ ...figures, events, hash, seconds: message.seconds })}\n`,
  )
}

/** `1-3,7` */
function seedsOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = Number.NaN, last = first] = part.split('-').map(Number)
    if (!Number.isInteger(first) || !Number.isInteger(last)) throw new Error(`--seeds: "${text}" is not like 1-3,7`)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

function doneSeeds(results: string | undefined): number[] {
  if (results === undefined || !existsSync(results)) return []
  const lines = readFileSync(results, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return lines.map((line) => (JSON.parse(line) as { result: { seed: number } }).result.seed)
}
