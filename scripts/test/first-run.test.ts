import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const root = join(import.meta.dirname, '..', '..')
const script = join(root, 'scripts', 'first-run.mjs')

function node(...args: string[]) {
  return spawnSync(process.execPath, args, { encoding: 'utf8', cwd: root, env: { ...process.env, NODE_OPTIONS: '' } })
}

describe('npm test and npm run demo', () => {
  it('say which Node they need where it is too old', () => {
    const older = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.18.3" } })'
    const { status, stderr } = node('--import', `data:text/javascript,${encodeURIComponent(older)}`, script, 'test')
    expect(stderr).toContain('certctl needs Node 20.19 or newer; this is 20.18.3')
    expect(status).toBe(1)
  })

  it('refuse a task they do not know', () => {
    const { status, stderr } = node(script, 'lunch')
    expect(stderr).toContain('Usage: node scripts/first-run.mjs <demo|test|test:live>')
    expect(status).toBe(1)
  })

  it('import nothing that is not part of Node, since nothing is installed yet', () => {
    for (const name of ['first-run.mjs', 'build.mjs']) {
      const imports = readFileSync(join(root, 'scripts', name), 'utf8').match(/from '([^']+)'/g) ?? []
      expect(imports.filter((line) => !line.startsWith("from 'node:"))).toEqual([])
    }
  })
})

describe('the counting test run', () => {
  it('fails where no suite is found, and ends with the counts', () => {
    const tsx = join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs')
    const { status, stdout } = node(tsx, join(root, 'scripts', 'run-tests.ts'), 'packages/no-such-package')
    expect(stdout.trimEnd().split('\n').slice(-3)).toEqual([
      'no suite was found',
      '0 of 0 suites ran',
      '0 passed, 1 failed',
    ])
    expect(status).toBe(1)
  })
})
