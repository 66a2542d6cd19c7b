import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'

const script = join(import.meta.dirname, '..', 'check-long-files.ts')
const tsx = join(import.meta.dirname, '..', '..', 'node_modules', 'tsx', 'dist', 'cli.mjs')
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'certctl-long-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const lines = (count: number) => 'x\n'.repeat(count)

function check() {
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { status, stdout } = spawnSync(process.execPath, [tsx, script, '--root', root], { encoding: 'utf8', env })
  return { status, faults: stdout.split('\n').slice(0, -2) }
}

describe('pnpm check:long', () => {
  it('passes files at their ceiling, and does not look at what was generated or recorded', () => {
    put('packages/a/src/a.ts', lines(400))
    put('packages/a/src/b.gen.ts', lines(900))
    put('packages/a/test/fixtures/c.ts', lines(900))
    expect(check()).toEqual({ status: 0, faults: [] })
  })

  it('names what is longer, by the ceiling of its room', () => {
    put('packages/a/src/a.ts', lines(401))
    put('apps/server/src/main.ts', lines(81))
    put('apps/server/src/schedule/due.ts', lines(101))
    const { status, faults } = check()
    expect(status).toBe(1)
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'apps/server/src/main.ts has 81 lines',
      'apps/server/src/schedule/due.ts has 101 lines',
      'packages/a/src/a.ts has 401 lines',
    ])
  })

  it('a connector and core have ceilings as a whole, tests left out', () => {
    put('packages/target-x/src/a.ts', lines(300))
    put('packages/target-x/src/b.ts', lines(151))
    put('packages/target-x/test/c.test.ts', lines(300))
    for (const part of ['a', 'b', 'c', 'd']) put(`packages/core/src/${part}.ts`, lines(376))
    expect(check().faults).toEqual([
      'packages/core/src has 1504 lines, its ceiling is 1500: what does not belong there?',
      'packages/target-x/src has 451 lines, its ceiling is 450: what does not belong there?',
    ])
  })

  it('an exception with a reason passes, and one that is no longer needed fails', () => {
    put('packages/a/src/table.ts', lines(500))
    put('packages/a/src/short.ts', lines(5))
    put('scripts/long-files.json', JSON.stringify({ 'packages/a/src/table.ts': 'one table' }))
    expect(check().status).toBe(0)
    put(
      'scripts/long-files.json',
      JSON.stringify({ 'packages/a/src/table.ts': 'one table', 'packages/a/src/short.ts': 'was long' }),
    )
    expect(check().faults).toEqual([
      'packages/a/src/short.ts is named in scripts/long-files.json and no longer needs to be',
    ])
  })
})
