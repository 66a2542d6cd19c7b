import assert from 'node:assert/strict'
import { type DnsConnector, type DnsDefinition, isCertctlError, parseConfig, type TxtRecord } from '@certctl/core'
import type { DefinitionScene } from './definition-laws.js'
import type { DnsWorld, DnsZones } from './dns-world.js'
import { secretCanaries } from './leaks.js'
import { isProcessDied } from './process-died.js'
import { type Watch, type WatchOptions, watchHost } from './watched-host.js'

/** A run of the connector over a world: a server copy from its start to its death. */
export interface DnsProcess {
  readonly connector: DnsConnector
  readonly watch: Watch
}

export interface DnsScene extends DefinitionScene {
  readonly canaries: readonly string[]
  readonly zones: DnsZones
  inWorld<T>(act: (world: DnsWorld) => Promise<T>): Promise<T>
  start(world: DnsWorld, options?: WatchOptions): DnsProcess
}

export interface DnsSceneOptions<Config> {
  definition: DnsDefinition<Config>
  config: Readonly<Record<string, unknown>>
  createWorld(): DnsWorld | Promise<DnsWorld>
  slug: string | undefined
  zones: DnsZones | undefined
}

export function createDnsScene<Config>(options: DnsSceneOptions<Config>): DnsScene {
  const { definition } = options
  const launch = (world: DnsWorld, watchOptions: WatchOptions = {}) => {
    const written = { ...options.config, ...world.config }
    const config = parseConfig(definition.configSchema, written, definition.type)
    const { host, watch } = watchHost(world.host, watchOptions)
    return { connector: definition.create(config, host), watch, host }
  }
  const inWorld = async <T>(act: (world: DnsWorld) => Promise<T>): Promise<T> => {
    const world = await options.createWorld()
    try {
      return await act(world)
    } finally {
      await world.close?.()
    }
  }
  return {
    definition,
    slug: options.slug,
    ownConfig: options.config,
    createOnly: () => inWorld(async (world) => launch(world)),
    canaries: secretCanaries(definition.configSchema, options.config),
    zones: options.zones ?? { parent: 'example.test', child: 'child.example.test' },
    inWorld,
    start: launch,
  }
}

/** How a call ended: `undefined` is success. */
export async function failureOf(call: Promise<unknown>): Promise<{ error: unknown } | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    return { error }
  }
}

/** A failure speaks a code of the table; the death of the process is nobody's failure. */
export function assertTyped(error: unknown): void {
  if (isProcessDied(error)) return
  assert.ok(isCertctlError(error), `the failure carries no code: ${String(error)}`)
  assert.notEqual(error.message.trim(), '', 'the failure says nothing')
}

/** Compares what a name holds with what it should, in any order. */
export async function assertHolds(world: DnsWorld, name: string, expected: readonly string[], why: string) {
  assert.deepEqual([...(await world.values(name))].sort(), [...expected].sort(), why)
}

/** What the zones hold besides `name`, where the world can tell. */
export async function otherNames(world: DnsWorld, name: string): Promise<string[] | undefined> {
  return (await world.names?.())?.filter((other) => other !== name).sort()
}

export async function presentAll({ connector }: DnsProcess, records: readonly TxtRecord[]): Promise<void> {
  for (const record of records) await connector.present(record)
}
