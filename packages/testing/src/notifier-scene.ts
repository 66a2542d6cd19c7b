import { type Message, type NotifierConnector, type NotifierDefinition, parseConfig } from '@certctl/core'
import type { DefinitionScene } from './definition-laws.js'
import { secretCanaries } from './leaks.js'
import type { NotifierWorld } from './notifier-world.js'
import { type Watch, type WatchOptions, watchHost } from './watched-host.js'

/** A run of the connector over a world: a server copy from its start to its death. */
export interface NotifierProcess {
  readonly connector: NotifierConnector
  readonly watch: Watch
}

export interface NotifierScene extends DefinitionScene {
  readonly capabilities: NotifierDefinition<unknown>['capabilities']
  readonly canaries: readonly string[]
  readonly recipients: readonly string[]
  inWorld<T>(act: (world: NotifierWorld) => Promise<T>): Promise<T>
  start(world: NotifierWorld, options?: WatchOptions): NotifierProcess
}

export interface NotifierSceneOptions<Config> {
  definition: NotifierDefinition<Config>
  config: Readonly<Record<string, unknown>>
  createWorld(): NotifierWorld | Promise<NotifierWorld>
  slug: string | undefined
  recipients: readonly string[] | undefined
}

export function createNotifierScene<Config>(options: NotifierSceneOptions<Config>): NotifierScene {
  const { definition } = options
  const launch = (world: NotifierWorld, watchOptions: WatchOptions = {}) => {
    const config = parseConfig(definition.configSchema, options.config, definition.type)
    const { host, watch } = watchHost(world.host, watchOptions)
    return { connector: definition.create(config, host), watch, host }
  }
  const inWorld = async <T>(act: (world: NotifierWorld) => Promise<T>): Promise<T> => {
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
    capabilities: definition.capabilities,
    canaries: secretCanaries(definition.configSchema, options.config),
    recipients: options.recipients ?? ['ops@example.test'],
    inWorld,
    start: launch,
  }
}

/** How a message ended. */
export type SendEnding = { sent: Awaited<ReturnType<NotifierConnector['send']>> } | { error: unknown }

export async function sendIn({ connector }: NotifierProcess, message: Message): Promise<SendEnding> {
  try {
    return { sent: await connector.send(message) }
  } catch (error) {
    return { error }
  }
}
