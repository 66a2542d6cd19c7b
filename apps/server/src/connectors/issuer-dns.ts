import {
  CertctlError,
  type DnsConnector,
  type IssuerHost,
  isCertctlError,
  type JsonValue,
  looseType,
  parseConfig,
} from '@certctl/core'
import type { Services } from '../services.js'
import { canonicalJson } from '../store/canonical-json.js'
import type { ConnectionRow } from '../store/connections.js'
import { checkScripts } from './check-scripts.js'
import { concealedConnector } from './concealed-connector.js'
import { createConcealer } from './concealer.js'
import type { DnsInstance } from './connections.js'
import { type Config, type ConfigSchema, isObject } from './marked-schema.js'
import { createServerHost } from './server-host.js'

type Needs = Pick<Services, 'store' | 'sealing' | 'clock' | 'log' | 'server' | 'registry' | 'config'>

export interface IssuerDns {
  dns: IssuerHost['dns']
  /** Closes what was made for this issuer; configured providers live on. */
  close(): Promise<void>
}

/** DNS providers as one issuer has them: configured ones by id, and those that it makes from settings of its own. */
export function createIssuerDns(
  services: Needs,
  { row, find }: { row: ConnectionRow; find(id: string): Promise<DnsInstance> },
): IssuerDns {
  const made = new Map<string, { connector: DnsConnector; users: number }>()
  // One for all who use it at a time: what it keeps in order, as scripts of one name, it keeps in order for all of them.
  const make = (inline: { type: string; config: JsonValue }): DnsConnector => {
    const key = canonicalJson(inline)
    const shared = made.get(key) ?? { connector: createInline(services, row, inline), users: 0 }
    made.set(key, shared)
    shared.users += 1
    let isOpen = true
    return withClose(shared.connector, async () => {
      shared.users -= isOpen ? 1 : 0
      isOpen = false
      if (shared.users === 0 && made.get(key) === shared && made.delete(key)) await shared.connector.close?.()
    })
  }
  return {
    dns: async (wanted) =>
      typeof wanted === 'string' ? withClose(usable(await find(wanted)).connector, undefined) : make(wanted),
    async close() {
      const all = [...made.values()]
      made.clear()
      for (const { connector } of all) await connector.close?.()
    },
  }
}

function usable(instance: DnsInstance): DnsInstance {
  if (instance.enabled) return instance
  throw new CertctlError(
    'conflict',
    `DNS provider "${instance.id}" is disabled; enable it: certctl dns-providers update ${instance.id} --enable`,
  )
}

function withClose({ present, cleanUp, test }: DnsConnector, close: (() => Promise<void>) | undefined): DnsConnector {
  return {
    present: ofOneName(present),
    cleanUp: ofOneName(cleanUp),
    ...(test === undefined ? {} : { test }),
    ...(close === undefined ? {} : { close }),
  }
}

/** A limit of the DNS provider is none of the CA's: only the order that met it waits. */
function ofOneName(change: DnsConnector['present']): DnsConnector['present'] {
  return async (record) => {
    try {
      await change(record)
    } catch (error) {
      if (!isCertctlError(error) || error.code !== 'rate_limited') throw error
      const { retryAfterSeconds } = error
      throw new CertctlError('rate_limited', error.message, { cause: error, retryAfterSeconds, isNarrow: true })
    }
  }
}

/** With state of its own beside the issuer's, and held to the same rules as a configured one. */
function createInline(
  services: Needs,
  { id, name, source }: ConnectionRow,
  { type, config }: { type: string; config: JsonValue },
): DnsConnector {
  const { definition } = services.registry.get('dns', type)
  const schema = definition.jsonSchema as ConfigSchema
  const given: Config = isObject(config) ? config : {}
  const what = `${name}: ${definition.type}`
  const parsed: unknown = parseConfig(definition.configSchema, config, what)
  if (source === 'api') checkScripts(services.config.scripts_dir, { schema, config: given }, what)
  const conceal = createConcealer(schema, given)
  const host = createServerHost(services, { id, stateId: `${id}/dns/${looseType(definition.type)}`, conceal })
  return concealedConnector(definition.create(parsed, host), conceal)
}
