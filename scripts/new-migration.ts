/**
 * Writes the next numbered migration and lists it.
 * Usage: new-migration.ts name [--into FOLDER]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { nextNumber, slugOf } from './numbered.js'

const usage = 'Usage: pnpm new:migration name'
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { into: { type: 'string' }, help: { type: 'boolean' } },
})
const title = positionals.join(' ').trim()
if (values.help === true || title === '') {
  process.stderr.write(`${usage}\n`)
  process.exit(values.help === true ? 0 : 2)
}

const folder = values.into ?? join(import.meta.dirname, '..', 'apps', 'server', 'src', 'store', 'migrations')
const slug = slugOf(title)
const name = `${nextNumber(folder)}-${slug}`
const constant = slug.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()).replace(/^(?=\d)/, 'to')

const index = join(folder, 'index.ts')
const listed = readFileSync(index, 'utf8')
if (new RegExp(`\\b${constant}\\b`).test(listed))
  throw new Error(`${index} already has a migration "${constant}"; choose another name`)
const last = /^(export const migrations\b.*=\s*\[[^\]]*?),?(\s*\])/m
if (!last.test(listed)) throw new Error(`${index} has no list "export const migrations … = [ … ]" to add to`)

const page = `/**
 * Why this change. Migrations only add; the code before and after each runs on both shapes. Copies are at work meanwhile, and take
 * locks in one order: rows of things, then listed_certificates, then what is kept beside it (count_changes, certificate_names,
 * searched_names, certificate_tags). So should this.
 */
export const ${constant} = {
  name: '${name}',
  sql: \`
select 1;
\`,
}
`
writeFileSync(join(folder, `${name}.ts`), page, { flag: 'wx' })
const imports = [...listed.matchAll(/^import .*\n/gm)]
const end = imports.reduce((at, line) => Math.max(at, line.index + line[0].length), 0)
const withImport = `${listed.slice(0, end)}import { ${constant} } from './${name}.js'\n${listed.slice(end)}`
writeFileSync(index, withImport.replace(last, `$1, ${constant}$2`))
process.stdout.write(`${join(folder, `${name}.ts`)}\n`)
