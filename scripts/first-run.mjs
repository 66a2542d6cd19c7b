/**
 * What `npm test` and `npm run demo` begin with on any machine that has Node and npm: brings pnpm into this folder,
 * installs, builds, and hands over. Plain JavaScript without dependencies, since nothing is installed yet.
 * Usage: node scripts/first-run.mjs <demo|test|test:live> [argument …]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const scripts = { demo: 'demo.ts', test: 'run-tests.ts', 'test:live': 'run-tests.ts' }
const fixedArguments = { demo: [], test: [], 'test:live': ['--live'] }

function fail(text) {
  process.stderr.write(`${text}\n`)
  process.exit(1)
}

/** `20.19.1` is enough for `20.19`. */
function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  fail(`certctl needs Node 20.19 or newer; this is ${process.versions.node}. Install a newer one and try again.`)
}

function run(title, program, args, options = {}) {
  process.stderr.write(`── ${title}\n`)
  const { status, signal, error } = spawnSync(program, args, {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit'],
    ...options,
  })
  if (status === 0) return
  fail(`${title} failed: ${error?.message ?? (signal === null ? `exit code ${status}` : `ended by ${signal}`)}`)
}

/** The version that package.json names, in a folder of ours: nothing global is touched. Returns an environment whose search path begins with it. */
function withPnpm() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const folder = join(root, '.build', packageManager.replace('@', '-'))
  const bin = join(folder, 'node_modules', '.bin')
  if (!existsSync(join(bin, process.platform === 'win32' ? 'pnpm.cmd' : 'pnpm'))) {
    const windows = process.platform === 'win32'
    run(
      `bringing ${packageManager}`,
      windows ? 'npm.cmd' : 'npm',
      ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder, packageManager],
      { shell: false },
    )
  }
  return {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
    TURBO_TELEMETRY_DISABLED: '1',
    npm_config_verify_deps_before_run: 'false',
  }
}

const [task = '', ...rest] = process.argv.slice(2)
const script = scripts[task]
if (script === undefined) fail(`Usage: node scripts/first-run.mjs <${Object.keys(scripts).join('|')}> [argument …]`)
requireNode()
const env = withPnpm()
run('installing', 'pnpm', ['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn'], { env })
run('building', process.execPath, [join(root, 'scripts', 'build.mjs')], { env })

process.stderr.write(`── ${task}\n`)
const tsx = join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs')
const { status } = spawnSync(process.execPath, [tsx, join(root, 'scripts', script), ...fixedArguments[task], ...rest], {
  cwd: root,
  stdio: 'inherit',
  env,
})
process.exit(status ?? 1)
