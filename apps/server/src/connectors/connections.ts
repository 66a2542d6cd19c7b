import {
  CertctlError,
  type DefinitionsByKind,
  type DnsConnector,
  type IssuerCapabilities,
  type IssuerConnector,
  isCertctlError,
  messageOf,
  type NotifierCapabilities,
  type NotifierConnector,
  parseConfig,
  type Registered,
} from '@certctl/core'
import type { Services } from '../services.js'
import type { ConnectionRow } from '../store/connections.js'
import { checkScripts } from './check-scripts.js'
import { concealedConnector } from './concealed-connector.js'
import { createConcealer } from './concealer.js'
import { createIssuerDns } from './issuer-dns.js'
import { kindWords, type ServerKind } from './kind-words.js'
import type { Config, ConfigSchema } from './marked-schema.js'
import { openConfig, openConfigIfPossible } from './sealed-config.js'
import { createIssuerHost, createServerHost } from './server-host.js'

interface Connected<K extends ServerKind, Connector, Capabilities> {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly enabled: boolean
  readonly generation: number
  /** It said that it takes no new orders until then. */
  readonly pausedUntil: Date | undefined
  readonly definition: DefinitionsByKind[K]
  readonly connector: Connector
  readonly capabilities: Capabilities
}
export type IssuerInstance = Connected<'issuer', IssuerConnector, IssuerCapabilities>
export type NotifierInstance = Connected<'notifier', NotifierConnector, NotifierCapabilities>
export type DnsInstance = Connected<'dns', DnsConnector, Readonly<Record<string, never>>>
type AnyInstance = IssuerInstance | NotifierInstance | DnsInstance

export interface ConnectionSummary {
  id: string
  type: string
  name: string
  enabled: boolean
  source: 'env' | 'api'
  available: boolean
  unavailableReason?: string | undefined
}

export interface Connections {
  /** Throws `not_found`; `unsupported` where its connector is not installed; `config_invalid` where it refuses the configuration. Disabled ones too: the caller decides. */
  issuer(id: string): Promise<IssuerInstance>
  notifier(id: string): Promise<NotifierInstance>
  dns(id: string): Promise<DnsInstance>
  /** Whichever it is. */
  open(kind: ServerKind, id: string): Promise<AnyInstance>
  list(kind: ServerKind): Promise<readonly ConnectionSummary[]>
  /** Why an instance cannot be used, without opening it. */
  faultOf(row: ConnectionRow): string | undefined
  /** Closes what is open of this instance; the next call opens it as it is then. */
  forget(id: string): void
  close(): Promise<void>
}

type Needs = Pick<
  Services,
  'store' | 'sealing' | 'clock' | 'log' | 'server' | 'registry' | 'wakes' | 'challenges' | 'config'
>

interface Open {
  generation: number
  connector: AnyInstance['connector']
  close(): Promise<void>
}

/** How long calls that are under way may go on with a connector whose configuration was replaced. */
const closeAfterMs = 300_000

/** Opens configured instances when they are first used, and again when their configuration changed. */
export function createConnections(services: Needs): Connections {
  const { store, registry } = services
  const open = new Map<string, Open>()
  const closing = new Map<Open, NodeJS.Timeout>()
  const close = async (entry: Open): Promise<void> => {
    clearTimeout(closing.get(entry))
    closing.delete(entry)
    await entry.close().catch((error: unknown) => {
      services.log.warn({ reason: messageOf(error) }, 'a connector did not close')
    })
  }
  const retire = (entry: Open | undefined): void => {
    if (entry !== undefined) closing.set(entry, setTimeout(() => void close(entry), closeAfterMs).unref())
  }
  const forget = (id: string): void => {
    retire(open.get(id))
    open.delete(id)
  }
  const off = services.wakes.on('settings', (subject) => forget(subject.replace(/^connection /, '')))

  const connect = async <Instance extends AnyInstance>(kind: ServerKind, id: string): Promise<Instance> => {
    const row = await store.connections.get(kind, id)
    if (row === undefined) throw unknownConnection(kind, id)
    const { definition } = registry.get(kind, row.type)
    const present = open.get(id)
    if (present?.generation === row.generation) return instanceOf<Instance>(row, definition, present)
    retire(present)
    const opened = { generation: row.generation, ...createConnector(services, { kind, definition, dns }, row) }
    open.set(id, opened)
    return instanceOf<Instance>(row, definition, opened)
  }
  const dns = async (id: string): Promise<DnsInstance> => await connect('dns', id)

  return {
    issuer: async (id) => await connect('issuer', id),
    notifier: async (id) => await connect('notifier', id),
    dns,
    open: async (kind, id) => await connect(kind, id),
    list: async (kind) => (await store.connections.list(kind)).map((row) => summaryOf(row, faultOf(services, row))),
    faultOf: (row) => faultOf(services, row),
    forget,
    async close() {
      off()
      const all = [...open.values(), ...closing.keys()]
      open.clear()
      await Promise.all(all.map(close))
    },
  }
}

/** What `connect` found, under the names of the kind. */
function instanceOf<Instance extends AnyInstance>(
  { id, type, name, enabled, generation, paused_until }: ConnectionRow,
  definition: DefinitionsByKind[ServerKind],
  { connector }: Pick<Open, 'connector'>,
): Instance {
  const { capabilities } = definition
  const pausedUntil = paused_until ?? undefined
  return {
    id,
    type,
    name,
    enabled,
    generation,
    pausedUntil,
    definition,
    connector,
    capabilities,
  } as unknown as Instance
}

interface Opening {
  kind: ServerKind
  definition: DefinitionsByKind[ServerKind]
  dns(id: string): Promise<DnsInstance>
}

/** What a connector says is written down in many places; here its secrets are taken out of it, once for all of them. */
function createConnector(
  services: Needs,
  { kind, definition, dns }: Opening,
  row: ConnectionRow,
): Omit<Open, 'generation'> {
  const stored = openConnection(services, row)
  const conceal = createConcealer(definition.jsonSchema as ConfigSchema, stored)
  const issuerDns = createIssuerDns(services, { row, find: dns })
  const make = (): Open['connector'] => {
    const config: unknown = configOf(services, { definition, row }, stored)
    const host = createServerHost(services, { id: row.id, conceal })
    if (kind !== 'issuer') return (definition as DefinitionsByKind['notifier' | 'dns']).create(config, host)
    const issuerHost = createIssuerHost(services, { host, dns: issuerDns.dns })
    return (definition as DefinitionsByKind['issuer']).create(config, issuerHost)
  }
  try {
    const connector = concealedConnector(make(), conceal)
    return {
      connector,
      async close() {
        await connector.close?.()
        await issuerDns.close()
      },
    }
  } catch (error) {
    throw conceal.error(error)
  }
}

/** The connector's own judgement, and ours of the programs it would run here. */
function configOf(
  { config }: Needs,
  { definition, row }: { definition: DefinitionsByKind[ServerKind]; row: ConnectionRow },
  stored: Config,
): unknown {
  const parsed: unknown = parseConfig(definition.configSchema, stored, row.name)
  if (row.source === 'api')
    checkScripts(config.scripts_dir, { schema: definition.jsonSchema as ConfigSchema, config: stored }, row.name)
  return parsed
}

/** The configuration of a connection as it was given, secrets included. */
export function openConnection({ sealing }: Pick<Services, 'sealing'>, row: ConnectionRow): Config {
  return openConfig(sealing, row, placeOfConnection(row.id))
}

/** The same; where its secrets cannot be opened, a mask stands for each, so that it is shown and they can be set anew. */
export function readableConnection({ sealing }: Pick<Services, 'sealing'>, row: ConnectionRow): Config {
  return openConfigIfPossible(sealing, row, placeOfConnection(row.id)) ?? (row.config as Config)
}

/** The cell that holds a connection's secrets. */
export function placeOfConnection(id: string) {
  return { table: 'connections', id, column: 'secrets' }
}

/** The JSON Schema by which a connection is parted, masked and merged; `undefined` where its connector is missing. */
export function schemaOfConnection(
  { registry }: Pick<Services, 'registry'>,
  row: Pick<ConnectionRow, 'kind' | 'type'>,
): ConfigSchema | undefined {
  const found: Registered | undefined = registry.find(row.kind, row.type)
  return found?.definition.jsonSchema as ConfigSchema | undefined
}

function faultOf(services: Needs, row: ConnectionRow): string | undefined {
  const found: Registered | undefined = services.registry.find(row.kind, row.type)
  if (found === undefined) return `The connector of type "${row.type}" is not installed on this server`
  try {
    const { definition } = services.registry.get(row.kind as ServerKind, row.type)
    configOf(services, { definition, row }, openConnection(services, row))
    return undefined
  } catch (error) {
    if (isCertctlError(error)) return error.message
    throw error
  }
}

function summaryOf(row: ConnectionRow, fault: string | undefined): ConnectionSummary {
  const { id, type, name, enabled, source } = row
  return { id, type, name, enabled, source, available: fault === undefined, unavailableReason: fault }
}

/** The error for an id that names no connection of this kind. */
export function unknownConnection(kind: ServerKind, id: string): CertctlError {
  const { name, path } = kindWords[kind]
  return new CertctlError('not_found', `No ${name} "${id}"; list them with GET ${path}`)
}
