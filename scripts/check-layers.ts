/**
 * The fourteen nevers, and the arrows between rooms.
 * Usage: check-layers.ts [--root FOLDER] [--help]
 */
import { readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { findBreaches } from './layers/find-breaches.js'
import { rules } from './layers/rules.js'
import { sourceFiles } from './source-files.js'

const { values } = parseArgs({ options: { root: { type: 'string' }, help: { type: 'boolean' } } })
if (values.help === true) {
  for (const { number, never, because } of rules) process.stdout.write(`${number}. ${never}: ${because}\n`)
  process.exit(0)
}

const root = values.root ?? join(import.meta.dirname, '..')
const paths = sourceFiles(root)
  .map((path) => path.split(sep).join('/'))
  .filter((path) => /^(?:packages|apps)\/[^/]+\/src\/|^apps\/[^/]+\/test\//.test(path))
const breaches = findBreaches(paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })))
for (const line of breaches) process.stdout.write(`${line}\n`)
process.stdout.write(`${paths.length} files, ${rules.length} nevers, ${breaches.length} breaches\n`)
process.exitCode = breaches.length === 0 ? 0 : 1
