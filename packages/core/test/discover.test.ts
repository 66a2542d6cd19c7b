import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import {
  type ConnectorKind,
  connectorKinds,
  createRegistry,
  type DiscoverOptions,
  type DiscoveryProblem,
  discoverConnectors,
  packageFolder,
  type Registry,
} from '../src/index.js'

let root: string
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'certctl-discover-')))
})
afterEach(async () => rm(root, { recursive: true, force: true }))

const write = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
}

/** A definition as a package without any dependency would write it. */
const definition = (type: string): string => `{
  type: ${JSON.stringify(type)}, displayName: ${JSON.stringify(type)}, jsonSchema: { type: 'object', properties: {} },
  configSchema: { safeParse: (data) => ({ success: true, data }) },
  capabilities: { platforms: [], verifies: 'none', undo: 'full', holds: 'one' }, create: () => ({}),
}`

interface Package {
  place?: string
  name: string
  mark?: unknown
  code?: string
  manifest?: Record<string, unknown>
}

const install = async ({ place = 'app', name, mark, code, manifest }: Package): Promise<void> => {
  const folder = `${place}/node_modules/${name}`
  const own = { name, version: '1.2.3', type: 'module', exports: { '.': './index.js' }, certctl: mark, ...manifest }
  await write(`${folder}/package.json`, JSON.stringify(own))
  if (code !== undefined) await write(`${folder}/index.js`, code)
}
const app = (names: readonly string[], place = 'app', more: Record<string, unknown> = {}): Promise<void> =>
  write(
    `${place}/package.json`,
    JSON.stringify({ name: place, dependencies: Object.fromEntries(names.map((name) => [name, '*'])), ...more }),
  )
const target = (type: string): Pick<Package, 'mark' | 'code'> => ({
  mark: { kind: 'target', contract: 1 },
  code: `export default ${definition(type)}`,
})

const discover = async (
  options: Partial<DiscoverOptions> = {},
): Promise<{ registry: Registry; problems: readonly DiscoveryProblem[] }> => {
  const registry = createRegistry()
  const problems = await discoverConnectors(registry, {
    manifest: join(root, 'app/package.json'),
    kinds: connectorKinds,
    ...options,
  })
  return { registry, problems }
}
const typesOf = (registry: Registry, kind: ConnectorKind = 'target'): string[] =>
  registry.list(kind).map((entry) => entry.definition.type)

describe('connector packages', () => {
  it('are found among the direct dependencies by their mark, and nothing else is imported', async () => {
    await app(['marked', 'plain', '@scope/marked'])
    await install({ name: 'marked', ...target('One') })
    await install({ name: '@scope/marked', ...target('Two') })
    await install({ name: 'plain', code: 'throw new Error("imported")' })
    await install({ name: 'not-listed', ...target('Three') })
    const { registry, problems } = await discover()
    expect(problems).toEqual([])
    expect(typesOf(registry).sort()).toEqual(['One', 'Two'])
    expect(registry.get('target', 'one')).toMatchObject({ package: 'marked', version: '1.2.3', kind: 'target' })
  })

  it('may be optional dependencies, and may be missing', async () => {
    await app(['missing'], 'app', { optionalDependencies: { extra: '*', absent: '*' } })
    await install({ name: 'extra', ...target('Extra') })
    const { registry, problems } = await discover()
    expect([typesOf(registry), problems]).toEqual([['Extra'], []])
  })

  it('may bring a list of definitions', async () => {
    await app(['two'])
    await install({
      name: 'two',
      mark: { kind: 'target', contract: 1 },
      code: `export default [${definition('Postfix')}, ${definition('Dovecot')}]`,
    })
    expect(typesOf((await discover()).registry)).toEqual(['Postfix', 'Dovecot'])
  })

  it('are found where the package manager linked them', async () => {
    await app(['linked'])
    await install({ place: 'store', name: 'linked', ...target('Linked') })
    await mkdir(join(root, 'app/node_modules'), { recursive: true })
    await symlink(join(root, 'store/node_modules/linked'), join(root, 'app/node_modules/linked'))
    expect(typesOf((await discover()).registry)).toEqual(['Linked'])
  })

  it('are also found in the folder of the operator', async () => {
    await app(['own'])
    await install({ name: 'own', ...target('Own') })
    await app(['third-party'], 'connectors')
    await install({ place: 'connectors', name: 'third-party', ...target('Foreign') })
    const { registry } = await discover({ connectorsDirectory: join(root, 'connectors') })
    expect(typesOf(registry).sort()).toEqual(['Foreign', 'Own'])
  })

  it('may keep their manifest out of their exports', async () => {
    await app(['closed'])
    await install({ name: 'closed', ...target('Closed'), manifest: { exports: './index.js' } })
    expect(typesOf((await discover()).registry)).toEqual(['Closed'])
  })
})

describe('a package that is not as it should be', () => {
  it.each<[string, Partial<Package>, RegExp]>([
    ['throws when loaded', { code: 'throw new Error("no such library")' }, /no such library/],
    ['has a syntax error', { code: 'export default {' }, /Unexpected/],
    ['has no code', {}, /Cannot find|ENOENT/],
    ['exports nothing', { code: 'export {}' }, /default export is not a definition/],
    ['exports half a definition', { code: 'export default { type: "X", create() {} }' }, /displayName/],
    [
      'exports a schema that is none',
      { code: `export default { ...${definition('X')}, configSchema: {} }` },
      /zod schema/,
    ],
    [
      'was written for contract 2',
      { ...target('X'), mark: { kind: 'target', contract: 2 } },
      /for contract 2; .* contract 1/,
    ],
    [
      'is of an unknown kind',
      { ...target('X'), mark: { kind: 'tarjet', contract: 1 } },
      /"tarjet", which is not a kind/,
    ],
    ['has a malformed mark', { ...target('X'), mark: 'target' }, /not a readable package\.json/],
  ])('is named with the reason and does not stop the others: it %s', async (_, broken, reason) => {
    await app(['broken', 'sound'])
    await install({ mark: { kind: 'target', contract: 1 }, ...broken, name: 'broken' })
    await install({ name: 'sound', ...target('Sound') })
    const { registry, problems } = await discover()
    expect(typesOf(registry)).toEqual(['Sound'])
    expect(problems).toEqual([{ package: 'broken', problem: expect.stringMatching(reason) }])
  })

  it('is not imported when it is of a kind this program does not use', async () => {
    await app(['issuer'])
    await install({ name: 'issuer', mark: { kind: 'issuer', contract: 1 }, code: 'throw new Error("imported")' })
    expect(await discover({ kinds: ['target'] })).toMatchObject({ problems: [] })
  })

  it('stops the start when it is a twin', async () => {
    await app(['one', 'two'])
    await install({ name: 'one', ...target('Same') })
    await install({ name: 'two', ...target('same') })
    await expect(discover()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('one and two'),
    })
  })

  it('stops the start when it is a twin from the other place', async () => {
    await app(['one'])
    await app(['two'], 'connectors')
    await install({ name: 'one', ...target('Same') })
    await install({ place: 'connectors', name: 'two', ...target('Same') })
    await expect(discover({ connectorsDirectory: join(root, 'connectors') })).rejects.toMatchObject({
      code: 'conflict',
    })
  })
})

describe('the places', () => {
  it.each([
    ['is missing', undefined],
    ['is no JSON', '{'],
    ['has no name', '{}'],
  ])('must be readable: a folder of the operator whose package.json %s is refused', async (_, text) => {
    await app([])
    if (text !== undefined) await write('connectors/package.json', text)
    await expect(discover({ connectorsDirectory: join(root, 'connectors') })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(join(root, 'connectors/package.json')),
    })
  })

  it.each([
    [['@certctl/target-one'], ['One']],
    [
      ['target-one', 'other'],
      ['One', 'Two'],
    ],
    [[], []],
    [undefined, ['One', 'Two']],
  ])('are narrowed by the list of what is allowed: %j', async (allow, types) => {
    await app(['@certctl/target-one', 'other'])
    await install({ name: '@certctl/target-one', ...target('One') })
    await install({ name: 'other', ...target('Two') })
    const { registry } = await discover({ allow })
    expect(typesOf(registry).sort()).toEqual(types)
  })

  it('do not import what is not allowed', async () => {
    await app(['other'])
    await install({ name: 'other', mark: { kind: 'target', contract: 1 }, code: 'throw new Error("imported")' })
    expect((await discover({ allow: ['something-else'] })).problems).toEqual([])
  })

  it('tell where an installed package lives', async () => {
    await app(['one'])
    await install({ name: 'one', ...target('One') })
    expect(packageFolder('one', join(root, 'app/package.json'))).toBe(join(root, 'app/node_modules/one'))
    expect(packageFolder('two', join(root, 'app/package.json'))).toBeUndefined()
  })

  it('work for the packages of this repository', () => {
    const here = fileURLToPath(new URL('../package.json', import.meta.url))
    expect(packageFolder('zod', here)).toMatch(/zod$/)
  })
})
