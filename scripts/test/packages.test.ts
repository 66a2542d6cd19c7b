import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectorKinds, contractNumber, looseType, looseTypesOf } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { loadConnectors } from '../gen/connectors.js'

const root = join(import.meta.dirname, '..', '..')

interface Manifest {
  name: string
  license?: string
  type?: string
  private?: boolean
  exports?: Record<string, unknown>
  publishConfig?: { exports?: Record<string, unknown> }
  files?: string[]
  certctl?: { kind: string; contract: number }
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}
const packages = readdirSync(join(root, 'packages')).map((folder) => ({
  folder,
  manifest: JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as Manifest,
}))
const connectors = packages.filter(({ manifest }) => manifest.certctl !== undefined)

describe.each(packages)('packages/$folder', ({ folder, manifest }) => {
  it('is named after its folder, is ESM, and says its licence', () => {
    expect(manifest).toMatchObject({ name: `@certctl/${folder}`, type: 'module', license: 'Apache-2.0' })
  })

  it('shows its source to the workspace and only what was built to the world; what is never published shows nothing', () => {
    if (manifest.private === true) return expect(manifest).not.toHaveProperty('exports')
    const built = { types: './dist/index.d.ts', default: './dist/index.js' }
    expect(manifest.exports).toEqual({
      '.': { '@certctl/source': './src/index.ts', ...built },
      './package.json': './package.json',
    })
    expect(manifest.publishConfig?.exports).toEqual({ '.': built, './package.json': './package.json' })
  })

  it('has no configuration file of its own, and a README', () => {
    // Examples are for those who install the package, or they are not there.
    const rooms = ['src', 'test', 'dist', 'node_modules', ...(manifest.files?.includes('examples') ? ['examples'] : [])]
    const files = readdirSync(join(root, 'packages', folder)).filter((name) => !rooms.includes(name))
    expect(files.filter((name) => !['package.json', 'README.md', 'CHANGELOG.md'].includes(name))).toEqual([])
    expect(files).toContain('README.md')
  })

  it('has at most sixty lines of README by hand', () => {
    const [hand = ''] = readFileSync(join(root, 'packages', folder, 'README.md'), 'utf8').split(
      '<!-- generated: pnpm gen -->',
    )
    expect(hand.trimEnd().split('\n').length).toBeLessThanOrEqual(60)
  })
})

describe.each(connectors)('the connector in packages/$folder', ({ folder, manifest }) => {
  it('is marked with a kind and the contract, and has core as its peer', () => {
    expect(connectorKinds).toContain(manifest.certctl?.kind)
    expect(manifest.certctl?.contract).toBe(contractNumber)
    expect(folder.startsWith(`${manifest.certctl?.kind}-`)).toBe(true)
    expect(Object.keys(manifest.peerDependencies ?? {})).toEqual(['@certctl/core'])
    expect(Object.keys(manifest.dependencies ?? {})).not.toContain('@certctl/core')
  })

  it('runs the laws of its kind, and runs them live', () => {
    const test = join(root, 'packages', folder, 'test')
    expect(existsSync(join(test, 'contract.test.ts'))).toBe(true)
    const files = readdirSync(test, { withFileTypes: true }).filter((entry) => entry.isFile())
    const texts = files.map(({ name }) => readFileSync(join(test, name), 'utf8'))
    expect(texts.some((text) => /\btest(Issuer|Target|Notifier|Discovery|Dns)\(/.test(text))).toBe(true)
  })
})

describe('types', () => {
  it('a definition is called like its folder, by its type or an alias, and no two are called alike', async () => {
    const loaded = await loadConnectors(root)
    expect(loaded.map(({ folder }) => folder)).toEqual(connectors.map(({ folder }) => `packages/${folder}`).sort())
    for (const { folder, kind, definitions } of loaded) {
      const slug = looseType(folder.slice(`packages/${kind}-`.length))
      expect(definitions.flatMap((definition) => looseTypesOf(definition))).toContain(slug)
    }
    const names = loaded.flatMap(({ kind, definitions }) =>
      definitions.flatMap((definition) => looseTypesOf(definition).map((name) => `${kind}:${name}`)),
    )
    expect(new Set(names).size).toBe(names.length)
  })
})
