/** Bar 4: from a CSR over HTTPS to a certificate that is committed, with its entry of the record, on a PostgreSQL that keeps what it says. */
import type { Bar } from './harness.js'
import { type BenchPostgres, startBenchPostgres } from './issuance/database.js'
import { type Flow, startFlow } from './issuance/flow.js'

const started: { flows: Flow[]; postgres: BenchPostgres | undefined } = { flows: [], postgres: undefined }
/** At once, as when a fleet renews. */
const many = 64
const few = 8
/** One warm-up and five rounds, and again where the first try falls short. */
const rounds = 12
const fewRuns = 4
/** A round goes on until enough CPU was used. */
const wavesARound = 4
/** Until then the code is still being compiled and each connection makes its plans, of which a server at work has nothing left. */
const warmUp = 30

export async function bars(): Promise<readonly Bar[]> {
  const postgres = await startBenchPostgres()
  started.postgres = postgres
  const flow = async (name: string, oneByOne: boolean): Promise<Flow> => {
    const stock = warmUp * many + rounds * (many * wavesARound + few * fewRuns)
    const made = await startFlow({ address: await postgres.database(name), stock, oneByOne })
    started.flows.push(made)
    for (let wave = 0; wave < warmUp; wave++) await made.issue(many)
    return made
  }
  const together = await flow('together', false)
  const single = await flow('single', true)
  const side = (made: Flow, name: string, count: number) => ({
    name,
    meter: postgres.meter,
    run: async () => await made.issue(count),
  })
  return [
    {
      name: 'issuance/64-callers',
      title: `CSR to committed issuance, ${many} callers at once, CPU of server and database together`,
      ours: side(together, 'what waits together is written together', many),
      theirs: side(single, 'a transaction for each, one audit chain', many),
      floor: 5,
      aim: 8,
    },
    {
      name: 'issuance/8-callers',
      title: `the same, ${few} callers, median time until all have their answer`,
      by: 'p50',
      timedRuns: fewRuns,
      ours: side(together, 'what waits together is written together', few),
      theirs: side(single, 'a transaction for each, one audit chain', few),
      floor: 1,
    },
  ]
}

export async function close(): Promise<void> {
  for (const made of started.flows.splice(0)) await made.close()
  await started.postgres?.close()
}
