import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SimulationPostgres, startPostgres } from '../src/database.js'

/** One for the tests of a file; stopped by whoever started it. */
export async function startTestPostgres(): Promise<SimulationPostgres> {
  return await startPostgres(mkdtempSync(join(tmpdir(), 'certctl-simulator-test-')))
}
