import {
  CertctlError,
  type DefinitionsByKind,
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
import { concealedConnector } from './concealed-connector.js'
import { createConcealer } from './concealer.js'
import type { Config, ConfigSchema } from './marked-schema.js'
import { openConfig } from './sealed-config.js'
import { createIssuerHost, createServerHost } from './server-host.js'

/** What this version of the server runs itself. */
export type ServerKind = 'issuer' | 'notifier'

interface Connected<K extends ServerKind, Connector, Capabilities> {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly enabled: boolean
  readonly generation: number
  readonly definition: DefinitionsByKind[K]
  readonly connector: Connector
  readonly capabilities: Capabilities
}
export type IssuerInstance = Connected<'issuer', IssuerConnector, IssuerCapabilities>
export type NotifierInstance = Connected<'notifier', NotifierConnector, NotifierCapabilities>

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
  list(kind: ServerKind): Promise<readonly ConnectionSummary[]>
  /** Why an instance cannot be used, without opening it. */
  faultOf(row: ConnectionRow): string | undefined
  /** Closes what is open of this instance; the next call opens it as it is then. */
  forget(id: string): void
  close(): Promise<void>
}

type Needs = Pick<Services, 'store' | 'sealing' | 'clock' | 'log' | 'server' | 'registry' | 'wakes' | 'challenges'>

interface Open {
  generation: number
  connector: { close?(): Promise<void> }
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
    await entry.connector.close?.().catch((error: unknown) => {
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

  const connect = async <K extends ServerKind>(kind: K, id: string) => {
    const row = await store.connections.get(kind, id)
    if (row === undefined) throw unknownConnection(kind, id)
    const { definition } = registry.get(kind, row.type)
    const present = open.get(id)
    if (present?.generation === row.generation) return { row, definition, connector: present.connector }
    retire(present)
    const connector = createConnector(services, { kind, definition }, row)
    open.set(id, { generation: row.generation, connector })
    return { row, definition, connector }
  }

  return {
    issuer: async (id) => instanceOf<IssuerInstance>(await connect('issuer', id)),
    notifier: async (id) => instanceOf<NotifierInstance>(await connect('notifier', id)),
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
function instanceOf<Instance extends IssuerInstance | NotifierInstance>(found: {
  row: ConnectionRow
  definition: { capabilities: unknown }
  connector: object
}): Instance {
  const { id, type, name, enabled, generation } = found.row
  const { definition, connector } = found
  const instance = { id, type, name, enabled, generation, definition, connector, capabilities: definition.capabilities }
  return instance as unknown as Instance
}

/** What a connector says is written down in many places; here its secrets are taken out of it, once for all of them. */
function createConnector<K extends ServerKind>(
  services: Needs,
  { kind, definition }: { kind: K; definition: DefinitionsByKind[K] },
  row: ConnectionRow,
): IssuerConnector | NotifierConnector {
  const stored = openConnection(services, row)
  const conceal = createConcealer(definition.jsonSchema as ConfigSchema, stored)
  const make = (): IssuerConnector | NotifierConnector => {
    const config: unknown = parseConfig(definition.configSchema, stored, row.name)
    if (kind === 'issuer')
      return (definition as DefinitionsByKind['issuer']).create(config, createIssuerHost(services, row.id, conceal))
    return (definition as DefinitionsByKind['notifier']).create(config, createServerHost(services, row.id, conceal))
  }
  try {
    return concealedConnector(make(), conceal)
  } catch (error) {
    throw conceal.error(error)
  }
}

/** The configuration of a connection as it was given, secrets included. */
export function openConnection({ sealing }: Pick<Services, 'sealing'>, row: ConnectionRow): Config {
  return openConfig(sealing, row, placeOfConnection(row.id))
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
    parseConfig(found.definition.configSchema, openConnection(services, row), found.definition.type)
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
export function unknownConnection(kind: ConnectionRow['kind'], id: string): CertctlError {
  return new CertctlError('not_found', `No ${kind} "${id}"; list them with GET /api/v1/${kind}s`)
}
