import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createConnector, templateKinds } from '../new-connector/create-connector.js'
import { namesOf } from '../new-connector/names.js'

const root = join(import.meta.dirname, '..', '..')
const compiler = join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc')
const unfinished = 'says which version of the product it was compared with'
let place: string
beforeAll(() => {
  // Inside the workspace, so that its packages are found without being published.
  mkdirSync(join(root, '.build'), { recursive: true })
  place = mkdtempSync(join(root, '.build', 'new-connector-'))
})
afterAll(() => rmSync(place, { recursive: true }))

function node(...args: string[]) {
  const env: NodeJS.ProcessEnv = { ...process.env, NODE_OPTIONS: '' }
  // Node's runner tells its tests by this variable that they run inside of another run.
  delete env.NODE_TEST_CONTEXT
  return spawnSync(process.execPath, args, { encoding: 'utf8', cwd: root, env })
}

describe.each(templateKinds)('a new %s', (kind) => {
  let folder: string
  beforeAll(() => {
    folder = createConnector({ root, kind, type: 'DemoWare', out: join(place, kind) })
  })

  it('compiles under our settings', () => {
    const { stdout } = node(compiler, '-p', folder, '--noEmit', '--customConditions', '@certctl/source')
    expect(stdout).toBe('')
  })

  it('keeps every law, and one test fails until it was compared with the real product', () => {
    const test = join(folder, 'test', 'contract.test.ts')
    const { stdout, status } = node(
      '--import',
      'tsx',
      '--conditions=@certctl/source',
      '--test',
      '--test-reporter=tap',
      test,
    )
    const failed = [...stdout.matchAll(/^ +not ok \d+ - (.*)$/gm)].map(([, name]) => name)
    expect(failed).toEqual([unfinished])
    expect([...stdout.matchAll(/^ +ok \d+ - /gm)].length).toBeGreaterThan(10)
    expect(status).toBe(1)
  })

  it('is named in one way everywhere, and nothing of the template is left', () => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const texts = files.map((entry) =>
      readFileSync(join(entry.parentPath, entry.name), 'utf8').replaceAll('example.net', ''),
    )
    expect(files.map(({ name }) => name)).toContain('fake-demo-ware.ts')
    for (const text of texts) expect(text).not.toMatch(/\bexample\b|fakeExample|EXAMPLE|@@/i)
  })

  it('stands alone: only published versions, a compiler, and the mark', () => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >
    expect(manifest).toMatchObject({ name: `certctl-${kind}-demo-ware`, certctl: { kind, contract: 1 } })
    expect(manifest.peerDependencies?.['@certctl/core']).toMatch(/^\^\d/)
    expect(JSON.stringify(manifest)).not.toMatch(/workspace:|catalog:|@certctl\/source/)
  })

  it('is not written over something else', () => {
    expect(() => createConnector({ root, kind, type: 'DemoWare', out: folder })).toThrow('is not empty')
  })
})

describe('names', () => {
  it.each([
    ['lighttpd', 'lighttpd', 'Lighttpd', 'LIGHTTPD'],
    ['VaultPKI', 'vault-pki', 'VaultPki', 'VAULT_PKI'],
    ['aws-acm-pca', 'aws-acm-pca', 'AwsAcmPca', 'AWS_ACM_PCA'],
    ['F5', 'f5', 'F5', 'F5'],
  ])('%s is %s in folders, %s in identifiers, %s in variables', (type, slug, pascal, constant) => {
    expect(namesOf(type)).toMatchObject({ type, slug, pascal, constant })
  })

  it.each(['', '5f', '../x', 'a b', 'ümlaut'])('"%s" is refused', (type) => {
    expect(() => namesOf(type)).toThrow('cannot be a type')
  })
})

describe('pnpm new:connector', () => {
  const script = join(root, 'scripts', 'new-connector.ts')

  it('says how it is used when a kind has no template', () => {
    const { status, stderr } = node('--import', 'tsx', script, 'printer', 'demo')
    expect(status).toBe(2)
    expect(stderr).toContain('Usage: pnpm new:connector <issuer|target|notifier> <type>')
  })

  it('says what comes next', () => {
    const out = join(place, 'by-command')
    const { status, stdout } = node('--import', 'tsx', script, 'target', 'demo', '--out', out)
    expect(status).toBe(0)
    expect(stdout).toContain('npm install')
    expect(readdirSync(out).sort()).toEqual(['README.md', 'package.json', 'src', 'test', 'tsconfig.json'])
  })
})
