/**
 * Writes the next numbered decision.
 * Usage: new-decision.ts "Title" [--into FOLDER]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { nextNumber, slugOf } from './numbered.js'

const usage = 'Usage: pnpm new:decision "title"'
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { into: { type: 'string' }, help: { type: 'boolean' } },
})
const title = positionals.join(' ').trim()
if (values.help === true || title === '') {
  process.stderr.write(`${usage}\n`)
  process.exit(values.help === true ? 0 : 2)
}

const folder = values.into ?? join(import.meta.dirname, '..', 'docs', 'decisions')
mkdirSync(folder, { recursive: true })
const number = nextNumber(folder)
const path = join(folder, `${number}-${slugOf(title)}.md`)
const page = `# ${number} ${title}

## Context

What forces us: facts, numbers, what was tried.

## Decision

We will …

## Consequences

- What becomes easier.
- What becomes harder.
- What we will check, and by which test.
`
writeFileSync(path, page, { flag: 'wx' })
process.stdout.write(`${path}\n`)
