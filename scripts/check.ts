/**
 * Everything that is asked besides tests: types, lint, layers, unused exports, long files, generated parts.
 * All are run, whatever the first one says; the summary comes last.
 * Usage: check.ts [name …] [--help]
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { summaryOf } from './summarize-checks.js'

const root = join(import.meta.dirname, '..')
const modules = join(import.meta.dirname, '..', 'node_modules')
const tsx = join(modules, 'tsx', 'dist', 'cli.mjs')
const bin = (name: string) => join(modules, '.bin', name)

interface Check {
  name: string
  asks: string
  command: readonly string[]
}
const node = process.execPath
const checks: readonly Check[] = [
  {
    name: 'types',
    asks: 'the compiler',
    command: [node, join(modules, '@typescript', 'native', 'bin', 'tsc'), '--noEmit', '-p', 'tsconfig.json'],
  },
  { name: 'format', asks: 'format, imports and lint', command: [bin('biome'), 'check', '.'] },
  { name: 'promises', asks: 'promises that nobody waits for', command: [bin('oxlint'), '--type-aware'] },
  { name: 'layers', asks: 'the fourteen nevers', command: [node, tsx, 'scripts/check-layers.ts'] },
  { name: 'unused', asks: 'exports, files and dependencies nobody uses', command: [bin('knip'), '--no-config-hints'] },
  { name: 'long', asks: 'files and rooms above their ceilings', command: [node, tsx, 'scripts/check-long-files.ts'] },
  {
    name: 'gen',
    asks: 'generated parts that differ',
    command: [node, tsx, '--conditions=@certctl/source', 'scripts/gen.ts', '--check'],
  },
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', short: 'h' } },
})
if (values.help === true) {
  process.stdout.write('Usage: pnpm check [name …]\n\n')
  for (const { name, asks } of checks) process.stdout.write(`  ${name.padEnd(10)}${asks}\n`)
  process.exit(0)
}
const unknown = positionals.filter((name) => !checks.some((check) => check.name === name))
if (unknown.length > 0) {
  process.stderr.write(
    `There is no check ${unknown.join(', ')}; there are: ${checks.map(({ name }) => name).join(', ')}\n`,
  )
  process.exit(2)
}

const outcomes = checks
  .filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  .map(({ name, asks, command: [program = '', ...args] }) => {
    process.stdout.write(`── ${name}: ${asks}\n`)
    const startedAt = performance.now()
    const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' })
    if (error !== undefined) process.stdout.write(`${error.message}\n`)
    return { name, passed: status === 0, seconds: (performance.now() - startedAt) / 1000 }
  })
process.stdout.write(`\n${summaryOf(outcomes)}\n`)
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1
