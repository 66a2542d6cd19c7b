import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { summaryOf } from '../summarize-checks.js'

const root = join(import.meta.dirname, '..', '..')
const tsx = join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs')

function check(...args: string[]) {
  const env = { ...process.env, NODE_OPTIONS: '' }
  return spawnSync(process.execPath, [tsx, join(root, 'scripts', 'check.ts'), ...args], { encoding: 'utf8', env })
}

describe('pnpm check', () => {
  it('lists what it asks', () => {
    const { stdout, status } = check('--help')
    expect(status).toBe(0)
    for (const name of ['types', 'format', 'promises', 'layers', 'unused', 'long', 'gen'])
      expect(stdout).toContain(`  ${name}`)
  })

  it('refuses a name it does not know', () => {
    const { stderr, status } = check('speed')
    expect(status).toBe(2)
    expect(stderr).toContain('There is no check speed')
  })

  it('sums up which failed, one line for each', () => {
    const outcomes = [
      { name: 'types', passed: true, seconds: 2.04 },
      { name: 'long', passed: false, seconds: 0.5 },
    ]
    expect(summaryOf(outcomes).split('\n')).toEqual(['types  passed  2.0 s', 'long   FAILED  0.5 s', 'failed: long'])
    expect(summaryOf(outcomes.slice(0, 1)).split('\n').at(-1)).toBe('all checks passed')
  })

  it('every command of package.json that runs a script of ours names one that exists', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const named = Object.values(scripts).flatMap((command) => command.match(/scripts\/[\w.-]+/g) ?? [])
    const missing = named.filter((path) => !readable(join(root, path)))
    expect(missing).toEqual([])
  })
})

function readable(path: string): boolean {
  try {
    readFileSync(path)
    return true
  } catch {
    return false
  }
}
