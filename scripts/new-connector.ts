/**
 * Makes a connector from the template of its kind: a package that works, with a model of a product and the laws.
 * Usage: new-connector.ts <kind> <type> [--out FOLDER]
 */
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createConnector, templateKinds } from './new-connector/create-connector.js'

const usage = `Usage: pnpm new:connector <${templateKinds.join('|')}> <type> [--out FOLDER]

  type          as operators will write it: lighttpd, VaultPKI
  --out FOLDER  a package that stands alone, outside of this workspace, on the published versions`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
})
const [kind, type, ...rest] = positionals
const found = templateKinds.find((known) => known === kind)
if (values.help === true || found === undefined || type === undefined || rest.length > 0) {
  process.stderr.write(`${usage}\n`)
  process.exit(values.help === true ? 0 : 2)
}

const root = join(import.meta.dirname, '..')
const out = values.out === undefined ? undefined : resolve(values.out)
try {
  const folder = createConnector({ root, kind: found, type, out })
  const next =
    out === undefined
      ? ['pnpm install', `pnpm test ${relative(root, folder)}`, 'pnpm gen', 'pnpm changeset']
      : [`cd ${folder}`, 'npm install', 'npm test']
  process.stdout.write(`${folder}\n\nNext:\n${next.map((line) => `  ${line}`).join('\n')}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
