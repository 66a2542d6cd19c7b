import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from '@jest/globals'

const root = join(import.meta.dirname, '..', '..')
/** What is private runs from its source only. */
const isPublished = (folder: string): boolean =>
  (JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as { private?: boolean })
    .private !== true
const packages = readdirSync(join(root, 'packages')).filter(isPublished)

function node(...args: string[]) {
  return spawnSync(process.execPath, args, { encoding: 'utf8', cwd: root, env: { ...process.env, NODE_OPTIONS: '' } })
}

describe('pnpm build', () => {
  let built: ReturnType<typeof node>
  beforeAll(() => {
    built = node('scripts/build.mjs', '--libraries-only')
  })

  it('builds every package and says so', () => {
    expect(built.stderr).toContain('build: packages')
    expect(built.status).toBe(0)
  })

  it.each(packages)('%s can be imported by Node without our private condition, and has types', (folder) => {
    const { status, stderr } = node('--input-type=module', '-e', `await import('./packages/${folder}/dist/index.js')`)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(readFileSync(join(root, 'packages', folder, 'dist', 'index.d.ts'), 'utf8')).not.toBe('')
  })

  it('refers to each package it stands on, so that they are built in order', () => {
    const project = JSON.parse(readFileSync(join(root, '.build', 'kit', 'tsconfig.json'), 'utf8')) as {
      references: object[]
    }
    expect(project.references).toEqual([{ path: '../core' }, { path: '../pki' }])
  })

  it('does nothing twice', () => {
    const before = readFileSync(join(root, '.build', 'core', 'tsconfig.tsbuildinfo'), 'utf8')
    expect(node('scripts/build.mjs', '--libraries-only').status).toBe(0)
    expect(readFileSync(join(root, '.build', 'core', 'tsconfig.tsbuildinfo'), 'utf8')).toBe(before)
  })
})
