import { CertctlError, parseConfig, type Registered } from '@certctl/core'
import { checkScripts } from '../connectors/check-scripts.js'
import { placeOfConnection } from '../connectors/connections.js'
import { kindWords, type ServerKind } from '../connectors/kind-words.js'
import type { Config, ConfigSchema } from '../connectors/marked-schema.js'
import { mergeConfig, sealConfig } from '../connectors/sealed-config.js'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { ConnectionRow } from '../store/connections.js'
import { createId } from '../store/create-id.js'
import type { Tx } from '../store/store.js'
import { fieldFault } from './field-fault.js'
import { requireDnsProvider } from './require-dns-provider.js'

export interface NewConnection {
  id?: string | undefined
  name: string
  type: string
  config: Readonly<Record<string, unknown>>
  enabled: boolean
  actor: Actor
}

/** Adds an issuer, notifier or DNS provider. The type must be installed and accept the configuration. */
export async function createConnection(
  services: Services,
  kind: ServerKind,
  input: NewConnection,
): Promise<ConnectionRow> {
  const { prefix, resource } = kindWords[kind]
  const { definition } = installedType(services, kind, input.type)
  const schema = definition.jsonSchema as ConfigSchema
  const config = mergeConfig(schema, {}, input.config)
  checkOwn(services, definition, config)
  return await services.store.transaction(async (tx) => {
    const id = input.id ?? createId(prefix, tx.now)
    await requireFree(tx, { kind, id, name: input.name })
    if (kind === 'issuer') await requireDnsProvider(tx, config)
    const stored = sealConfig(services.sealing, { schema, config }, placeOfConnection(id))
    await tx.connections.insert({
      id,
      kind,
      type: definition.type,
      name: input.name,
      config: JSON.stringify(stored.config),
      secrets: stored.secrets,
      enabled: input.enabled,
      source: 'api',
      created_at: tx.now,
      updated_at: tx.now,
    })
    tx.audit.append({
      actor: input.actor,
      action: `${resource}.created`,
      resource_type: resource,
      resource_id: id,
      details: { name: input.name, type: definition.type, enabled: input.enabled },
    })
    tx.wake('settings', `connection ${id}`)
    return await written(tx, kind, id)
  })
}

function installedType(services: Services, kind: ServerKind, type: string): Registered<ServerKind> {
  const found: Registered<ServerKind> | undefined = services.registry.find(kind, type)
  if (found !== undefined) return found
  const known = services.registry.list(kind).map((entry) => entry.definition.type)
  throw fieldFault(
    'type',
    `there is no ${kindWords[kind].name} connector "${type}" on this server; there are: ${known.join(', ')}`,
  )
}

/** Asks the connector's own schema, and whether it may run the programs that are named; faults are named below `config`. */
export function checkOwn(
  services: Pick<Services, 'config'>,
  definition: Registered<ServerKind>['definition'],
  config: Config,
): void {
  parseOwn(definition, config)
  checkScripts(services.config.scripts_dir, { schema: definition.jsonSchema as ConfigSchema, config }, definition.type)
}

function parseOwn(definition: Registered<ServerKind>['definition'], config: Config): void {
  try {
    parseConfig(definition.configSchema, config, definition.type)
  } catch (cause) {
    if (!(cause instanceof CertctlError)) throw cause
    const errors = cause.errors?.map(({ field, message }) => ({ field: `config.${field}`, message }))
    throw new CertctlError('config_invalid', cause.message, { cause, errors })
  }
}

/** Throws `conflict` where the id or the name is taken. */
export async function requireFree(
  tx: Tx,
  wanted: { kind: ServerKind; id?: string | undefined; name?: string | undefined },
): Promise<void> {
  const { kind, id, name } = wanted
  if (id !== undefined && (await tx.connections.find(id)) !== undefined)
    throw new CertctlError('conflict', `The id "${id}" is taken; choose another`)
  const namesake = name === undefined ? undefined : await tx.connections.findByName(kind, name)
  if (namesake !== undefined)
    throw new CertctlError(
      'conflict',
      `There is already ${kindWords[kind].aName} named "${name}" (${namesake.id}); choose another name`,
    )
}

export async function written(tx: Tx, kind: ServerKind, id: string): Promise<ConnectionRow> {
  const row = await tx.connections.get(kind, id)
  if (row === undefined)
    throw new CertctlError('internal', `The ${kindWords[kind].name} ${id} vanished while it was written`)
  return row
}
