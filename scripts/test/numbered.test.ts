import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { nextNumber, slugOf } from '../numbered.js'

const scripts = join(import.meta.dirname, '..')
const tsx = join(scripts, '..', 'node_modules', 'tsx', 'dist', 'cli.mjs')
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'certctl-numbered-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function run(script: string, ...args: string[]) {
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsx, join(scripts, script), ...args], {
    encoding: 'utf8',
    env,
  })
  return { status, stdout, stderr }
}

describe('numbers and names of files', () => {
  it('a number follows the highest one, and gaps stay', () => {
    expect(nextNumber(folder)).toBe('0001')
    for (const name of ['0001-a.md', '0007-b.md', 'README.md']) writeFileSync(join(folder, name), '')
    expect(nextNumber(folder)).toBe('0008')
  })

  it.each([
    ['Keys per holder', 'keys-per-holder'],
    ['  Größe: 3 — "quoted" ', 'große-3-quoted'.replace('ß', '-')],
    ['ACME/ARI', 'acme-ari'],
  ])('%s becomes %s', (title, slug) => {
    expect(slugOf(title)).toBe(slug)
  })

  it('a title without a letter is refused', () => {
    expect(() => slugOf('— !')).toThrow('no letter or digit')
  })
})

describe('pnpm new:decision', () => {
  it('writes the next page with its three parts', () => {
    writeFileSync(join(folder, '0003-a.md'), '')
    expect(run('new-decision.ts', 'Keys per holder', '--into', folder)).toMatchObject({ status: 0 })
    const page = readFileSync(join(folder, '0004-keys-per-holder.md'), 'utf8')
    expect(page.startsWith('# 0004 Keys per holder\n')).toBe(true)
    expect(page.match(/^## .*/gm)).toEqual(['## Context', '## Decision', '## Consequences'])
  })

  it('without a title says how it is used', () => {
    expect(run('new-decision.ts')).toMatchObject({ status: 2, stderr: 'Usage: pnpm new:decision "title"\n' })
  })
})

describe('pnpm new:migration', () => {
  it('writes the next file and lists it last', () => {
    const index =
      "import { first } from './0001-first.js'\n\nexport interface Migration {\n  name: string\n}\n\nexport const migrations: readonly Migration[] = [first]\n"
    writeFileSync(join(folder, 'index.ts'), index)
    writeFileSync(join(folder, '0001-first.ts'), '')
    expect(run('new-migration.ts', 'add', 'owner of agents', '--into', folder)).toMatchObject({ status: 0, stderr: '' })
    expect(readdirSync(folder)).toContain('0002-add-owner-of-agents.ts')
    const listed = readFileSync(join(folder, 'index.ts'), 'utf8')
    expect(listed).toContain(
      "import { first } from './0001-first.js'\nimport { addOwnerOfAgents } from './0002-add-owner-of-agents.js'\n",
    )
    expect(listed).toContain('= [first, addOwnerOfAgents]\n')
    expect(readFileSync(join(folder, '0002-add-owner-of-agents.ts'), 'utf8')).toContain(
      "name: '0002-add-owner-of-agents'",
    )
    expect(run('new-migration.ts', 'add owner of agents', '--into', folder).status).toBe(1)
  })
})
