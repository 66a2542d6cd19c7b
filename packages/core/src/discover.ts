import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { CertctlError, messageOf } from './errors.js'
import { type ConnectorKind, connectorKinds, type Registered, type Registry } from './registry.js'

/** The contract number this core speaks; a package says which one it was written for. */
export const contractNumber = 1

export interface DiscoverOptions {
  /** The app's own package.json. */
  manifest: string
  /** The operator's folder (`CERTCTL_CONNECTORS_DIR`): an ordinary npm project. */
  connectorsDirectory?: string | undefined
  /** Package names or types; absent: all that are marked. */
  allow?: readonly string[] | undefined
  kinds: readonly ConnectorKind[]
}
export interface DiscoveryProblem {
  package: string
  problem: string
}

const manifestSchema = z.object({
  name: z.string(),
  version: z.string().default('0.0.0'),
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
  certctl: z.object({ kind: z.string(), contract: z.number() }).optional(),
})
type Manifest = z.output<typeof manifestSchema>

const definitionSchema = z.object({
  type: z.string().min(1),
  displayName: z.string().min(1),
  configSchema: z.custom(
    (value) => typeof (value as { safeParse?: unknown } | undefined)?.safeParse === 'function',
    'must be a zod schema',
  ),
  jsonSchema: z.record(z.string(), z.unknown()),
  capabilities: z.record(z.string(), z.unknown()),
  create: z.custom((value) => typeof value === 'function', 'must be a function'),
})

/**
 * Imports the marked packages among the direct dependencies of both places and registers what they define.
 * Twins throw `conflict`. A package that does not load, or speaks another contract, is returned with its reason and does not stop the others.
 */
export async function discoverConnectors(
  registry: Registry,
  options: DiscoverOptions,
): Promise<readonly DiscoveryProblem[]> {
  const places = [
    options.manifest,
    ...(options.connectorsDirectory === undefined ? [] : [join(options.connectorsDirectory, 'package.json')]),
  ]
  const perPlace = await Promise.all(places.map((place) => discoverIn(place, options)))
  const found = perPlace.flat()
  for (const entry of found.flatMap((outcome) => outcome.entries)) registry.add(entry)
  return found.flatMap((outcome) => outcome.problems)
}

interface Outcome {
  entries: readonly Registered[]
  problems: readonly DiscoveryProblem[]
}

async function discoverIn(place: string, options: DiscoverOptions): Promise<Outcome[]> {
  const manifest = await readManifest(place)
  const names = [...new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)])]
  return await Promise.all(names.map((name) => load(name, createRequire(place), options)))
}

async function readManifest(path: string): Promise<Manifest> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    throw new CertctlError('config_invalid', `${path} is not a readable package.json: ${messageOf(cause)}`, { cause })
  }
}

async function load(name: string, require: NodeJS.Require, options: DiscoverOptions): Promise<Outcome> {
  const path = manifestPath(name, require)
  if (path === undefined) return nothing
  try {
    const manifest = await readManifest(path)
    const mark = manifest.certctl
    if (mark === undefined || !isAllowed(name, options)) return nothing
    const kind = connectorKinds.find((known) => known === mark.kind)
    if (kind === undefined) return problem(name, `is marked as "${mark.kind}", which is not a kind of connector`)
    if (!options.kinds.includes(kind)) return nothing
    if (mark.contract !== contractNumber)
      return problem(name, `was written for contract ${mark.contract}; this program speaks contract ${contractNumber}`)
    const module: { default?: unknown } = await import(pathToFileURL(require.resolve(name)).href)
    return {
      entries: definitionsOf(module.default).map((definition) => ({
        kind,
        definition,
        package: name,
        version: manifest.version,
      })),
      problems: [],
    }
  } catch (error) {
    return problem(name, messageOf(error))
  }
}

const nothing: Outcome = { entries: [], problems: [] }

function problem(name: string, text: string): Outcome {
  return { entries: [], problems: [{ package: name, problem: text }] }
}

/** The package's own manifest, also where its `exports` do not name it. */
function manifestPath(name: string, require: NodeJS.Require): string | undefined {
  const folders = require.resolve.paths(name) ?? []
  for (const candidate of [`${name}/package.json`, ...folders.map((folder) => join(folder, name, 'package.json'))]) {
    try {
      return require.resolve(candidate)
    } catch {
      // Not here: the next place is asked, and a dependency that is not installed at all is the package manager's business.
    }
  }
  return undefined
}

function isAllowed(name: string, { allow }: DiscoverOptions): boolean {
  return allow === undefined || allow.includes(name) || allow.includes(name.replace(/^@certctl\//, ''))
}

function definitionsOf(exported: unknown): Registered['definition'][] {
  const list = Array.isArray(exported) ? exported : [exported]
  for (const entry of list) {
    const parsed = definitionSchema.safeParse(entry)
    if (!parsed.success)
      throw new CertctlError(
        'config_invalid',
        `its default export is not a definition: ${z.prettifyError(parsed.error)}`,
      )
  }
  return list as Registered['definition'][]
}

/** Where an installed package lives: the folder of its manifest. */
export function packageFolder(name: string, from: string): string | undefined {
  const path = manifestPath(name, createRequire(from))
  return path === undefined ? undefined : dirname(path)
}
