import {
  CertctlError,
  type GeneralName,
  type IssuanceRequest,
  type IssuerConnector,
  type IssuerDefinition,
  type IssuerHost,
  type OrderOutcome,
  parseConfig,
} from '@certctl/core'
import type { DefinitionScene } from './definition-laws.js'
import { createIssuanceRequest } from './issuance-request.js'
import type { IssuerWorld } from './issuer-world.js'
import { secretCanaries } from './leaks.js'
import { withChallenges } from './test-issuer-host.js'
import { type Watch, type WatchedHost, type WatchOptions, watchHost } from './watched-host.js'

/** A run of the connector over a world: a server copy from its start to its death. */
export interface IssuerProcess {
  readonly connector: IssuerConnector
  readonly watch: Watch
}

export type ValidOutcome = Extract<OrderOutcome, { status: 'valid' }>
export type PendingOutcome = Extract<OrderOutcome, { status: 'pending' }>

export interface IssuerScene extends DefinitionScene {
  readonly capabilities: IssuerDefinition<unknown>['capabilities']
  /** Names this CA issues for, one set for each kind it declares. */
  readonly nameSets: readonly (readonly GeneralName[])[]
  readonly canaries: readonly string[]
  inWorld<T>(act: (world: IssuerWorld) => Promise<T>): Promise<T>
  start(world: IssuerWorld, options?: WatchOptions): IssuerProcess
  request(
    world: IssuerWorld,
    overrides?: Partial<Parameters<typeof createIssuanceRequest>[0]>,
  ): Promise<IssuanceRequest>
}

export interface IssuerSceneOptions<Config> {
  definition: IssuerDefinition<Config>
  config: Readonly<Record<string, unknown>>
  createWorld(): IssuerWorld | Promise<IssuerWorld>
  slug: string | undefined
  names: readonly GeneralName[] | undefined
}

export function createIssuerScene<Config>(options: IssuerSceneOptions<Config>): IssuerScene {
  const { definition } = options
  const nameSets = options.names === undefined ? nameSetsOf(definition.capabilities.names) : [options.names]
  const launch = (world: IssuerWorld, watchOptions: WatchOptions = {}) => {
    const config = parseConfig(definition.configSchema, options.config, definition.type)
    const watched = watchIssuer(world, watchOptions)
    return { connector: definition.create(config, watched.host), watch: watched.watch, host: watched.host }
  }
  const inWorld = async <T>(act: (world: IssuerWorld) => Promise<T>): Promise<T> => {
    const created = await options.createWorld()
    // Challenges live as long as the world, not as long as a process.
    const world: IssuerWorld =
      'challenges' in created.host ? created : { ...created, host: withChallenges(created.host) }
    try {
      return await act(world)
    } finally {
      await created.close?.()
    }
  }
  return {
    definition,
    slug: options.slug,
    ownConfig: options.config,
    createOnly: () => inWorld(async (world) => launch(world)),
    capabilities: definition.capabilities,
    nameSets,
    canaries: secretCanaries(definition.configSchema, options.config),
    inWorld,
    start: launch,
    request: (world, overrides = {}) =>
      createIssuanceRequest({ names: nameSets[0] ?? [], firstAskedAt: world.host.now(), ...overrides }),
  }
}

function watchIssuer(world: IssuerWorld, options: WatchOptions): WatchedHost & { host: IssuerHost } {
  const base = 'challenges' in world.host ? world.host : withChallenges(world.host)
  const { host, watch, perform } = watchHost(base, options)
  const refuse = (): never => {
    throw new CertctlError('upstream_unavailable', 'It was refused (a fault of the test)')
  }
  const watched: IssuerHost = {
    ...host,
    challenges: {
      publish: (answer) =>
        perform({
          kind: 'challenge',
          detail: answer.name,
          changes: true,
          act: () => base.challenges.publish(answer),
          refuse,
        }),
      withdraw: (answer) =>
        perform({
          kind: 'challenge',
          detail: answer.name,
          changes: true,
          act: () => base.challenges.withdraw(answer),
          refuse,
        }),
    },
    async dns(instance) {
      const provider = await base.dns(instance)
      return {
        present: (record) =>
          perform({ kind: 'dns', detail: record.name, changes: true, act: () => provider.present(record), refuse }),
        cleanUp: (record) =>
          perform({ kind: 'dns', detail: record.name, changes: true, act: () => provider.cleanUp(record), refuse }),
      }
    },
  }
  return { host: watched, watch, perform }
}

const examples: Readonly<Record<IssuerDefinition<unknown>['capabilities']['names'][number], readonly GeneralName[]>> = {
  dns: [
    { type: 'dns', value: 'www.example.test' },
    { type: 'dns', value: 'example.test' },
  ],
  wildcard: [{ type: 'dns', value: '*.example.test' }],
  ip: [
    { type: 'ip', value: '192.0.2.10' },
    { type: 'ip', value: '2001:db8::10' },
  ],
  email: [{ type: 'email', value: 'ops@example.test' }],
  uri: [{ type: 'uri', value: 'https://example.test/workload' }],
}

function nameSetsOf(kinds: IssuerDefinition<unknown>['capabilities']['names']): (readonly GeneralName[])[] {
  return kinds.map((kind) => examples[kind])
}
