/**
 * Builds what is published and what ships: JavaScript and declarations of every package with `tsc -b`, then the apps as bundles.
 * A package has no compiler configuration of its own; the project references are written here, from its dependencies.
 * Usage: node scripts/build.mjs [--libraries-only]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const buildDir = join(root, '.build')

function workspacePackages() {
  return (
    readdirSync(join(root, 'packages'))
      .filter((folder) => existsSync(join(root, 'packages', folder, 'package.json')))
      .map((folder) => ({
        folder,
        manifest: JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')),
      }))
      // What is never published is run from its source, and may import an app's.
      .filter(({ manifest }) => manifest.private !== true)
  )
}

function writeProjects(packages) {
  const folderOf = new Map(packages.map(({ folder, manifest }) => [manifest.name, folder]))
  for (const { folder, manifest } of packages) {
    const needed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    const references = needed.flatMap((name) => (folderOf.has(name) ? [{ path: `../${folderOf.get(name)}` }] : []))
    writeJson(join(buildDir, folder, 'tsconfig.json'), {
      extends: '../../tsconfig.base.json',
      compilerOptions: {
        composite: true,
        rootDir: `../../packages/${folder}/src`,
        outDir: `../../packages/${folder}/dist`,
        tsBuildInfoFile: './tsconfig.tsbuildinfo',
        typeRoots: ['../../node_modules/@types'],
      },
      include: [`../../packages/${folder}/src`],
      references,
    })
  }
  writeJson(join(buildDir, 'tsconfig.json'), {
    files: [],
    references: packages.map(({ folder }) => ({ path: `./${folder}` })),
  })
}

/** Unchanged files keep their time, so that an incremental build stays one. */
function writeJson(path, value) {
  const text = `${JSON.stringify(value, null, 2)}\n`
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
}

function run(title, program, args) {
  const startedAt = performance.now()
  const { status, signal } = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
  })
  if (status !== 0) {
    process.stderr.write(`build: ${title} failed (${signal ?? `exit code ${status}`})\n`)
    process.exit(1)
  }
  process.stderr.write(`build: ${title} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)\n`)
}

writeProjects(workspacePackages())
run('packages', process.execPath, [join(root, 'node_modules/@typescript/native/bin/tsc'), '-b', buildDir])
if (!process.argv.includes('--libraries-only')) {
  const turbo = join(root, 'node_modules', 'turbo', 'bin', 'turbo')
  run('apps', process.execPath, [turbo, 'run', 'bundle', '--output-logs=errors-only', '--ui=stream'])
}
