import { isDeepStrictEqual } from 'node:util'
import { CertctlError, looseType } from '@certctl/core'
import { placeOfConnection, readableConnection, unknownConnection } from '../connectors/connections.js'
import { kindWords, type ServerKind } from '../connectors/kind-words.js'
import type { Config, ConfigSchema } from '../connectors/marked-schema.js'
import { mergeConfig, type StoredConfig, sealConfig } from '../connectors/sealed-config.js'
import { endNotifierAlert } from '../notify/notifier-alert.js'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { ConnectionRow } from '../store/connections.js'
import type { Tx } from '../store/store.js'
import { checkOwn, requireFree, written } from './create-connection.js'
import { fieldFault } from './field-fault.js'
import { requireDnsProvider } from './require-dns-provider.js'
import { untested } from './untested.js'

export interface ConnectionChanges {
  id: string
  name?: string | undefined
  type?: string | undefined
  config?: Readonly<Record<string, unknown>> | undefined
  enabled?: boolean | undefined
  actor: Actor
  /** Looks at the locked row before anything is written. */
  check: (row: ConnectionRow) => void
}

/** Changes what is given; the rest stays. What comes from the environment is changed there (`conflict`). */
export async function updateConnection(
  services: Services,
  kind: ServerKind,
  changes: ConnectionChanges,
): Promise<ConnectionRow> {
  const { id, name, enabled, actor } = changes
  const { resource } = kindWords[kind]
  const { row, wasEnabled } = await services.store.transaction(async (tx) => {
    const before = await lockEditable(tx, kind, id)
    changes.check(before)
    await requireSame(tx, kind, { before, changes })
    const config =
      changes.config === undefined ? undefined : changedConfig(services, kind, { before, config: changes.config })
    if (kind === 'issuer' && config !== undefined) await requireDnsProvider(tx, config.config as Config)
    await tx.connections.update(id, {
      ...(name === undefined ? {} : { name }),
      ...(enabled === undefined ? {} : { enabled }),
      // What was said to somebody else's account, or was a mistake: whoever changes it has it asked again.
      ...(enabled === undefined && config === undefined ? {} : { paused_until: null }),
      ...(config === undefined
        ? {}
        : { config: JSON.stringify(config.config), secrets: config.secrets, maintain_at: null }),
      ...(config?.isOther === true ? untested : {}),
      generation: before.generation + 1,
      updated_at: tx.now,
    })
    tx.audit.append({
      actor,
      action: `${resource}.updated`,
      resource_type: resource,
      resource_id: id,
      details: { name, enabled, config_fields: Object.keys(changes.config ?? {}) },
    })
    tx.wake('settings', `connection ${id}`)
    if (kind === 'notifier' && enabled === true && !before.enabled)
      await endNotifierAlert(tx, before, { type: 'notifier.enabled', title: `The notifier ${before.name} is enabled` })
    return { row: await written(tx, kind, id), wasEnabled: before.enabled }
  })
  services.connections.forget(id)
  if (kind === 'issuer' && enabled === true && !wasEnabled) await goOn(services, id)
  return row
}

const broughtAtOnce = 1000

/** What was put off because it was disabled (see `fulfilOrder`) is ordered now; what this does not come to waits its five minutes. */
async function goOn({ store }: Services, issuerId: string): Promise<void> {
  let brought = broughtAtOnce
  while (brought === broughtAtOnce)
    brought = await store.transaction(async (tx) => {
      tx.wake('work', 'issue')
      return await tx.jobs.bringForwardOfIssuer(issuerId, { code: 'conflict', to: tx.now, limit: broughtAtOnce })
    })
}

/** The row, locked. Throws `not_found`, and `conflict` for one that the environment made. */
export async function lockEditable(tx: Tx, kind: ServerKind, id: string): Promise<ConnectionRow> {
  const row = await tx.connections.lock(kind, id)
  if (row === undefined) throw unknownConnection(kind, id)
  if (row.source === 'env')
    throw new CertctlError(
      'conflict',
      `The ${kindWords[kind].name} "${id}" comes from the server's environment; change its variables there and start the server again`,
    )
  return row
}

async function requireSame(
  tx: Tx,
  kind: ServerKind,
  { before, changes }: { before: ConnectionRow; changes: ConnectionChanges },
): Promise<void> {
  const { type, name } = changes
  if (type !== undefined && looseType(type) !== looseType(before.type))
    throw fieldFault('type', `is ${before.type} and stays so; make another ${kindWords[kind].name} instead`)
  if (name !== undefined && name.toLowerCase() !== before.name.toLowerCase()) await requireFree(tx, { kind, name })
}

function changedConfig(
  services: Services,
  kind: ServerKind,
  { before, config }: { before: ConnectionRow; config: Readonly<Record<string, unknown>> },
): StoredConfig & { isOther: boolean } {
  const { definition } = services.registry.get(kind, before.type)
  const schema = definition.jsonSchema as ConfigSchema
  const held = readableConnection(services, before)
  const merged = mergeConfig(schema, held, config)
  checkOwn(services, definition, merged)
  const stored = sealConfig(services.sealing, { schema, config: merged }, placeOfConnection(before.id))
  return { ...stored, isOther: !isDeepStrictEqual(merged, held) }
}
