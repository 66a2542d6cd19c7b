/**
 * Writes what can be generated: the lower part of connector READMEs, docs/connectors.md, docs/errors.md, docs/openapi.json and the SQL
 * of the store's queries. With --check it writes nothing and fails where something differs.
 * Usage: gen.ts [--check] [--help]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { openApi, operations } from '@certctl/api'
import { withSection } from './gen/connector-section.js'
import { loadConnectors } from './gen/connectors.js'
import { connectorsPage } from './gen/connectors-page.js'
import { errorsPage } from './gen/errors-page.js'
import { queryFiles } from './gen/query-files.js'

const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean' } } })
if (values.help === true) {
  process.stdout.write('Usage: pnpm gen | pnpm gen:check\n')
  process.exit(0)
}

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

async function generated(): Promise<{ path: string; text: string }[]> {
  const connectors = await loadConnectors(root)
  const { version } = JSON.parse(read('packages/api/package.json')) as { version: string }
  return [
    ...connectors.map((connector) => {
      const path = join(connector.folder, 'README.md')
      return { path, text: withSection(read(path), connector) }
    }),
    { path: 'docs/connectors.md', text: connectorsPage(connectors) },
    { path: 'docs/errors.md', text: errorsPage() },
    {
      path: 'docs/openapi.json',
      text: `${JSON.stringify(openApi(operations, { title: 'certctl', version }), null, 2)}\n`,
    },
    ...(await queryFiles(root)),
  ]
}

const files = await generated()
const different = files.filter(({ path, text }) => !existsSync(join(root, path)) || read(path) !== text)
for (const { path, text } of different) {
  process.stdout.write(`${path} ${values.check === true ? 'is not what would be generated' : 'written'}\n`)
  if (values.check === true) continue
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
if (values.check === true && different.length > 0) process.stdout.write('Run: pnpm gen\n')
process.stdout.write(`${files.length} files, ${different.length} ${values.check === true ? 'differ' : 'written'}\n`)
process.exitCode = values.check === true && different.length > 0 ? 1 : 0
