/** Lives worlds from seeds, three at a time, and says what broke. The exit code is the number of seeds that failed. */
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '@certctl/core'
import { moveTo } from './cores.js'
import type { SeedResult } from './create-world.js'
import { startPostgres } from './database.js'
import { numbersIn } from './numbers-in.js'
import { runSeed } from './run-seed.js'
import { runSeeds, type SeedMessage, type SeedOrder, type SeedRun } from './run-seeds.js'
import { fullSize, type Scenario, scenarioOf } from './scenario.js'
import { describeViolation } from './violation.js'

const usage = `Usage: pnpm simulate [--seeds 1-3] [--full] [--scenario JSON] [--processes 3] [--results FILE]

Lives worlds from seeds in virtual time and says what broke. The exit code is the number of seeds that failed.

  --seeds     which: 7, 1-3 or 1-3,7; 1-3 where not given
  --full      2,000 certificates over two years; seeds 1-20 unless said otherwise
  --scenario  changes of single values, as a failing run prints them: {"certificates":20,"days":40}
  --processes how many at a time, each with a PostgreSQL; as many as there are cores are fastest where there are many seeds
  --results   one line per finished seed is written there, and seeds that have one are passed over: a run that was cut off goes on
  --help      this text
`

if (process.argv.includes('--child')) await liveAll()
// Whatever else may still be open here: nothing is left to be done.
else process.exit(await main())

/** Does what the parent says, on a PostgreSQL of its own, until the parent is gone. */
async function liveAll(): Promise<void> {
  // A parent that ended while this was being loaded is not heard of any more.
  const over = process.connected ? once(process, 'disconnect').then(() => undefined) : Promise.resolve(undefined)
  // The parent hears of it as well, and ends this process when it is ready to.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const postgres = startPostgres(mkdtempSync(join(tmpdir(), 'certctl-simulator-')))
  const obey = async (order: SeedOrder): Promise<void> => {
    const { url, pid } = await postgres
    if (order.is === 'live') await live(order.scenario, url)
    else stayOn(order.core, [process.pid, pid])
  }
  const failed = new Promise<unknown>((resolve) => {
    process.on('message', (order: SeedOrder) => void obey(order).catch(resolve))
    // Also what is under way when its database has been stopped, of which nobody hears any more.
    process.on('uncaughtException', resolve)
  })
  const failure = await Promise.race([over, failed])
  if (failure !== undefined) console.error(failure)
  await postgres.then(
    async ({ stop }) => await stop(),
    () => undefined,
  )
  process.exit(failure === undefined ? 0 : 1)
}

/** Where it cannot be done, everything only takes longer. */
function stayOn(core: number, pids: readonly number[]): void {
  try {
    moveTo(core, pids)
  } catch (error) {
    process.stderr.write(`not bound to core ${core}: ${messageOf(error)}\n`)
  }
}

async function live(scenario: Scenario, postgres: string): Promise<void> {
  const started = performance.now()
  const seconds = (): number => Math.round((performance.now() - started) / 100) / 10
  const send = (message: SeedMessage): boolean | undefined => process.send?.(message)
  const { seed } = scenario
  const result = await runSeed({
    scenario,
    postgres,
    onProgress: (days, figures) => send({ is: 'progress', seed, days, figures, seconds: seconds() }),
  })
  send({ is: 'result', result, seconds: seconds() })
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
  const { results } = values
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort())
  const run: SeedRun = {
    scenarios: seeds.map((seed) => scenarioOf(seed, changes)),
    processes: countOf(values.processes),
    program: import.meta.filename,
    signal: stopping.signal,
    onMessage(message) {
      say(message)
      if (message.is === 'result' && results !== undefined) appendFileSync(results, `${JSON.stringify(message)}\n`)
    },
  }
  try {
    return failuresOf(await runSeeds(run))
  } catch (error) {
    if (stopping.signal.aborted) return 130
    throw error
  }
}

function failuresOf(all: readonly SeedResult[]): number {
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

function seedsOf(text: string): number[] {
  try {
    return numbersIn(text)
  } catch (error) {
    throw new Error(`--seeds: ${messageOf(error)}`)
  }
}

function countOf(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--processes: "${text}" is not a number of one or more`)
  return Number(text)
}

function doneSeeds(results: string | undefined): number[] {
  if (results === undefined || !existsSync(results)) return []
  const lines = readFileSync(results, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return lines.map((line) => (JSON.parse(line) as { result: { seed: number } }).result.seed)
}
