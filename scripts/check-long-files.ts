/**
 * Fails for source files longer than their room allows. Tables and lists that are longer by nature are named, with the
 * reason, in long-files.json; a name there that is no longer needed fails too.
 * Usage: check-long-files.ts [--root FOLDER]
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sourceFiles } from './source-files.js'

const ceiling = 400
/** Whole rooms, client and all. */
const rooms: readonly { name: string; matches: RegExp; ceiling: number }[] = [
  { name: 'packages/core/src', matches: /^packages\/core\/src\//, ceiling: 1500 },
  { name: 'packages/kit/src', matches: /^packages\/kit\/src\//, ceiling: 1500 },
  { name: 'packages/pki/src', matches: /^packages\/pki\/src\//, ceiling: 6000 },
  { name: 'packages/api/src', matches: /^packages\/api\/src\//, ceiling: 4500 },
]
const connector = /^packages\/((?:issuer|target|notifier|dns|discovery)-[^/]+)\/src\//
const connectorCeiling = 450
const special: readonly { path: RegExp; ceiling: number }[] = [
  { path: /^apps\/server\/src\/main\.ts$/, ceiling: 80 },
  { path: /^apps\/server\/src\/compose\.ts$/, ceiling: 200 },
  { path: /^apps\/server\/src\/schedule\//, ceiling: 100 },
  { path: /^apps\/web\/src\/.*\.tsx$/, ceiling: 150 },
]

const { values } = parseArgs({ options: { root: { type: 'string' }, help: { type: 'boolean' } } })
if (values.help === true) {
  process.stdout.write('Usage: pnpm check:long\n')
  process.exit(0)
}
const root = values.root ?? join(import.meta.dirname, '..')
const list = join(root, 'scripts', 'long-files.json')
const reasons = (existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : {}) as Record<string, string>

const files = sourceFiles(root).map((path) => ({
  path,
  lines: readFileSync(join(root, path), 'utf8').split('\n').length - 1,
}))
const isSource = (path: string) => !/(^|\/)(test|bench|fixtures)\//.test(path)

const tooLong = files.filter(
  ({ path, lines }) => lines > (special.find((one) => one.path.test(path))?.ceiling ?? ceiling),
)
const tooLargeRooms = [...rooms, ...connectorRooms()].filter((room) => linesOf(room.matches) > room.ceiling)
const faults = [
  ...tooLong
    .filter(({ path }) => reasons[path] === undefined)
    .map(
      ({ path, lines }) => `${path} has ${lines} lines: part it, or name it in scripts/long-files.json with the reason`,
    ),
  ...Object.keys(reasons)
    .filter((path) => !tooLong.some((file) => file.path === path) && !tooLargeRooms.some(({ name }) => name === path))
    .map((path) => `${path} is named in scripts/long-files.json and no longer needs to be`),
  ...tooLargeRooms
    .filter(({ name }) => reasons[name] === undefined)
    .map(
      (room) =>
        `${room.name} has ${linesOf(room.matches)} lines, its ceiling is ${room.ceiling}: what does not belong there?`,
    ),
]

function linesOf(matches: RegExp): number {
  return files.filter(({ path }) => isSource(path) && matches.test(path)).reduce((sum, { lines }) => sum + lines, 0)
}

function connectorRooms(): { name: string; matches: RegExp; ceiling: number }[] {
  const names = new Set(files.flatMap(({ path }) => connector.exec(path)?.[1] ?? []))
  return [...names].map((name) => ({
    name: `packages/${name}/src`,
    matches: new RegExp(`^packages/${name}/src/`),
    ceiling: connectorCeiling,
  }))
}

for (const fault of faults) process.stdout.write(`${fault}\n`)
process.stdout.write(`${files.length} files looked at, ${faults.length} too long\n`)
process.exitCode = faults.length === 0 ? 0 : 1
