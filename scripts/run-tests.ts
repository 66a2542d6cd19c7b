/**
 * Runs the suites and counts them: a suite that does not load is a failure, and with CERTCTL_TEST_REAL=required so is a
 * test that was skipped. The last line is `N passed, N failed`.
 * Usage: run-tests.ts [--live] [path …]
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { type JestReport, summarize } from './summarize-tests.js'

const root = join(import.meta.dirname, '..')
const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js')
const given = process.argv.slice(2).filter((argument) => argument !== '--')
const live = given.includes('--live')
const options = given.filter((argument) => argument.startsWith('-') && argument !== '--live')
const paths = given.filter((argument) => !argument.startsWith('-'))

/** Suites that start servers, agents and databases of their own, or live worlds, run after the others, which would slow them down. */
const alone = ['/test/system/', '/packages/simulator/test/wrong-rules.test.ts']
const isAlone = (file: string) => alone.some((part) => file.includes(part))
/** Worlds that take both cores for minutes run last. */
const isWorld = (file: string) => file.endsWith('/packages/simulator/test/three-seeds.test.ts')
const isLive = (file: string) => file.includes('/test/system/') || file.endsWith('live.test.ts')

function runJest(args: readonly string[], stdio: 'inherit' | 'pipe'): { status: number | null; stdout: string } {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--experimental-vm-modules', '--no-warnings', jest, ...args],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: stdio === 'pipe' ? ['ignore', 'pipe', 'inherit'] : 'inherit',
      env: {
        ...process.env,
        NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --no-warnings`.trim(),
      },
    },
  )
  return { status, stdout: stdout ?? '' }
}

function listSuites(): string[] {
  const { stdout } = runJest(['--listTests', ...paths], 'pipe')
  return stdout.split('\n').filter((line) => line.endsWith('.test.ts'))
}

/** What jest reported of these suites; a run that wrote no report at all has run nothing. */
function report(suites: readonly string[], workers: readonly string[]): JestReport {
  if (suites.length === 0) return { numTotalTestSuites: 0, testResults: [] }
  const folder = mkdtempSync(join(tmpdir(), 'certctl-tests-'))
  const file = join(folder, 'report.json')
  try {
    runJest(['--json', `--outputFile=${file}`, ...workers, ...options, '--runTestsByPath', ...suites], 'inherit')
    return JSON.parse(readFileSync(file, 'utf8')) as JestReport
  } catch (error) {
    process.stderr.write(`jest wrote no report: ${error instanceof Error ? error.message : String(error)}\n`)
    return { numTotalTestSuites: 0, testResults: [] }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** At a time. Many suites wait for a clock, a child or a server for much of their time: one more than two cores can run keeps them busy. */
const workers = '--maxWorkers=3'

const suites = listSuites().filter((file) => !live || isLive(file))
const together = report(
  suites.filter((file) => !isAlone(file) && !isWorld(file)),
  [workers],
)
const byThemselves = report(suites.filter(isAlone), [workers, '--forceExit'])
const worlds = report(suites.filter(isWorld), ['--forceExit'])

const summary = summarize({
  reports: [together, byThemselves, worlds],
  suites: suites.map((file) => relative(root, file)),
  root,
  realRequired: process.env.CERTCTL_TEST_REAL === 'required',
})
process.stdout.write(`\n${summary.lines.join('\n')}\n`)
process.exitCode = summary.failed === 0 && summary.passed > 0 ? 0 : 1
