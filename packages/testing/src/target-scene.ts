import assert from 'node:assert/strict'
import {
  CertctlError,
  type CertificateMaterial,
  type DeploymentReceipt,
  isCertctlError,
  jsonSchemaOf,
  markKey,
  parseTargetConfig,
  type TargetConnector,
  type TargetDefinition,
  type TargetHost,
} from '@certctl/core'
import type { DefinitionScene } from './definition-laws.js'
import { keyCanaries, secretCanaries } from './leaks.js'
import type { Material, TestLeaf } from './material.js'
import type { MemoryFiles } from './memory-files.js'
import { isProcessDied } from './process-died.js'
import { confirmIn, type TargetWorld } from './target-world.js'
import { type Watch, type WatchOptions, watchHost } from './watched-host.js'

/** A run of the connector over a world: an agent from its start to its death. */
export interface TargetProcess {
  readonly connector: TargetConnector
  readonly watch: Watch
  readonly host: TargetHost
}

export interface StartOptions extends WatchOptions {
  /** In place of the configuration under test. */
  config?: Readonly<Record<string, unknown>> | undefined
  /** Whom the handshake asks, where it is not the world itself. */
  serving?: TargetWorld['serving'] | undefined
}

export interface DeployOptions {
  signal?: AbortSignal | undefined
  previous?: CertificateMaterial | undefined
  /** Default: the same for all deployments of a scene. */
  certificateId?: string | undefined
}

/** How a deployment ended. */
export type Ending = { receipt: DeploymentReceipt } | { error: unknown }

export interface TargetScene extends DefinitionScene {
  readonly capabilities: TargetDefinition<unknown>['capabilities']
  readonly proposedCommands: readonly (readonly string[])[]
  readonly material: Promise<Material>
  /** Paths that the configuration marks as files which deployments write. */
  readonly filePaths: readonly string[]
  /** What no log, receipt, error or command line may show. */
  canaries(): Promise<readonly string[]>
  inWorld<T>(act: (world: TargetWorld) => Promise<T>): Promise<T>
  start(world: TargetWorld, options?: StartOptions): TargetProcess
}

export interface TargetSceneOptions<Config> {
  definition: TargetDefinition<Config>
  config: Readonly<Record<string, unknown>>
  material: Promise<Material>
  createWorld(): TargetWorld | Promise<TargetWorld>
  slug: string | undefined
}

export function createTargetScene<Config>(options: TargetSceneOptions<Config>): TargetScene {
  const { definition, material } = options
  const start = (world: TargetWorld, startOptions: StartOptions = {}): TargetProcess => {
    const { config } = parseTargetConfig(definition, startOptions.config ?? options.config)
    const { host, watch } = watchTarget({ ...world, serving: startOptions.serving ?? world.serving }, startOptions)
    return { connector: definition.create(config, host), watch, host }
  }
  const inWorld = async <T>(act: (world: TargetWorld) => Promise<T>): Promise<T> => {
    const world = await options.createWorld()
    try {
      return await act(world)
    } finally {
      await world.close?.()
    }
  }
  const ownConfig = ownPart(definition, options.config)
  return {
    definition,
    slug: options.slug,
    ownConfig,
    createOnly: () => inWorld(async (world) => start(world)),
    capabilities: definition.capabilities,
    proposedCommands: definition.proposedCommands ?? [],
    material,
    filePaths: filePathsOf(definition, ownConfig),
    async canaries() {
      const keys = (await material).leafs.flatMap((leaf) => keyCanaries(leaf.privateKeyPem.reveal()))
      return [...keys, ...secretCanaries(definition.configSchema, ownConfig)]
    },
    inWorld,
    start,
  }
}

function watchTarget(world: TargetWorld, options: WatchOptions): { host: TargetHost; watch: Watch } {
  const { host, watch, perform } = watchHost(world.host, options)
  const confirmServed: TargetHost['confirmServed'] = (expected) =>
    perform({
      kind: 'confirm',
      detail: expected.fingerprint,
      changes: false,
      signal: expected.signal,
      act: () => confirmIn(world, expected),
      refuse: () => {
        throw new CertctlError('deploy_failed', 'The handshake was refused (a fault of the test)')
      },
    })
  return { host: { ...host, confirmServed }, watch }
}

function ownPart<Config>(
  definition: Pick<TargetDefinition<Config>, 'configSchema'>,
  config: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const own = Object.keys(jsonSchemaOf(definition.configSchema).properties ?? {})
  return Object.fromEntries(Object.entries(config).filter(([name]) => own.includes(name)))
}

function filePathsOf<Config>(
  { configSchema }: Pick<TargetDefinition<Config>, 'configSchema'>,
  config: Readonly<Record<string, unknown>>,
): string[] {
  return markedFiles(jsonSchemaOf(configSchema), config)
}

/** The values of fields marked as files, also inside lists and objects. */
function markedFiles(schema: unknown, value: unknown): string[] {
  if (!isRecord(schema)) return []
  if (schema[markKey] === 'file') return typeof value === 'string' ? [value] : []
  if (Array.isArray(value)) return value.flatMap((entry) => markedFiles(schema.items, entry))
  const { properties } = schema
  if (!isRecord(value) || !isRecord(properties)) return []
  return Object.entries(value).flatMap(([name, entry]) => markedFiles(properties[name], entry))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

let deployments = 0

/** Deploys and says how it ended, whichever way. */
export async function deployIn(
  { connector }: TargetProcess,
  leaf: TestLeaf,
  options: DeployOptions = {},
): Promise<Ending> {
  deployments += 1
  const { signal = new AbortController().signal, previous, certificateId = 'test-certificate' } = options
  try {
    const { certificatePem, chainPem, privateKeyPem, fingerprint, names } = leaf
    const material = { certificatePem, chainPem, privateKeyPem, fingerprint }
    const id = `deployment-${deployments}`
    return { receipt: await connector.deploy({ ...material, id, certificateId, names, previous, signal }) }
  } catch (error) {
    return { error }
  }
}

/** Deploys where nothing stands in the way; its failure is the test's. */
export async function deployWell(
  process: TargetProcess,
  leaf: TestLeaf,
  options?: DeployOptions,
): Promise<DeploymentReceipt> {
  const ending = await deployIn(process, leaf, options)
  if ('receipt' in ending) return ending.receipt
  throw new Error(`A deployment that nothing hinders was refused: ${textOf(ending.error)}`, { cause: ending.error })
}

export function textOf(error: unknown): string {
  if (isCertctlError(error)) return `${error.code}: ${error.message}`
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

/** A failure speaks a code of the table; the death of the process is nobody's failure. */
export function assertCode(error: unknown): void {
  if (!isProcessDied(error)) assert.ok(isCertctlError(error), `the failure carries no code: ${textOf(error)}`)
}

/** The files of the world where it lives in memory. */
export function memoryFilesOf(world: TargetWorld): MemoryFiles | undefined {
  return 'snapshot' in world.host.files ? (world.host.files as MemoryFiles) : undefined
}

/** Every file of the configuration that exists, and in a memory world every file. */
export async function existingFiles(scene: TargetScene, world: TargetWorld): Promise<string[]> {
  const snapshot = memoryFilesOf(world)?.snapshot()
  if (snapshot !== undefined) return [...snapshot.keys()]
  const found = await Promise.all(scene.filePaths.map((path) => world.host.files.stat(path)))
  return scene.filePaths.filter((_, index) => found[index] !== undefined)
}
