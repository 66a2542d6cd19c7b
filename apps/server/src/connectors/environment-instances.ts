import { createHmac, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  type EnvironmentKey,
  environmentKeys,
  keepEnvironmentKeys,
  revokeUnnamedKeys,
} from '../access/environment-keys.js'
import { systemActor } from '../access/principal.js'
import { sealingKeyMark } from '../access/sealing-key-mark.js'
import { emitEvent } from '../notify/emit-event.js'
import type { Services } from '../services.js'
import { canonicalJson } from '../store/canonical-json.js'
import type { ConnectionRow } from '../store/connections.js'
import { violatedUnique } from '../store/database-error.js'
import type { Tx } from '../store/store.js'
import { placeOfConnection, readableConnection } from './connections.js'
import { kindWords, serverKinds } from './kind-words.js'
import type { ConfigSchema } from './marked-schema.js'
import { type Environment, type EnvironmentFound, readEnvironment } from './read-environment.js'
import { sealConfig } from './sealed-config.js'

/** A copy whose heartbeat is older than this is dead. */
export const livingMs = 60_000

/**
 * Makes issuers, notifiers and DNS providers from the environment, at each start. What is gone from it is disabled once no living copy has it;
 * copies that see different values say so. Throws `config_invalid` with every wrong variable.
 */
export async function syncEnvironmentInstances(services: Services, environment: Environment): Promise<void> {
  const found = await readEnvironment(services, environment)
  const keys = environmentKeys(services)
  const digests = await digestsOf(services, { found, keys })
  await services.store.servers.setEnvironment(services.server.id, digests)
  const others = await otherCopies(services)
  const keep = async (): Promise<string[]> => await keepAll(services, { found, keys }, { digests, others })
  // A copy that starts at the same moment may have made the same row.
  const changed = await keep().catch(async (error: unknown) => {
    if (violatedUnique(error) === undefined) throw error
    return await keep()
  })
  for (const id of changed) services.connections.forget(id)
}

/** What a copy says of itself: digests by instance and key, as they are in its row. */
export async function environmentDigests(services: Services): Promise<Record<string, string>> {
  const found = await readEnvironment(services, services.config.environment)
  return await digestsOf(services, { found, keys: environmentKeys(services) })
}

/** Disables instances and revokes keys that no living copy's environment has: also those of a copy that died without a word. */
export async function endUnnamed(services: Services): Promise<void> {
  const living = await livingCopies(services)
  if (living.length === 0) return
  const present = new Set(living.flatMap(({ environment }) => Object.keys(environment)))
  const gone = await services.store.transaction(async (tx) => await end(tx, present))
  for (const id of gone) services.connections.forget(id)
}

async function end(tx: Tx, present: ReadonlySet<string>): Promise<string[]> {
  return [...(await disableGone(tx, present)), ...(await revokeUnnamedKeys(tx, present))]
}

interface Named {
  found: readonly EnvironmentFound[]
  keys: readonly EnvironmentKey[]
}

interface Copies {
  digests: Readonly<Record<string, string>>
  others: readonly Readonly<Record<string, string>>[]
}

async function keepAll(services: Services, { found, keys }: Named, copies: Copies): Promise<string[]> {
  const { digests, others } = copies
  return await services.store.transaction(async (tx) => {
    const made: (string | undefined)[] = []
    for (const instance of found) made.push(await keepInstance(services, tx, instance))
    await keepEnvironmentKeys(tx, keys)
    const gone = await end(tx, new Set([...Object.keys(digests), ...others.flatMap((other) => Object.keys(other))]))
    await reportDifferences(services, tx, copies)
    return [...made, ...gone].filter((id) => id !== undefined)
  })
}

/** Keyed, so that a digest in a row tells nothing about the secrets in it; the key is shared by all copies. */
async function digestsOf(services: Services, { found, keys }: Named): Promise<Record<string, string>> {
  const { store, sealing, clock } = services
  const name = 'environment-digest-key'
  const place = { table: 'server_secrets', id: name, column: 'value' }
  const value = sealing.seal(randomBytes(32), place)
  const kept = await store.serverSecrets.keepFirst({ name, value, created_at: clock.now() })
  const key = sealing.open(kept, place)
  const digest = (value: unknown) => createHmac('sha256', key).update(canonicalJson(value)).digest('hex')
  return Object.fromEntries([
    ...found.map(({ instance, config }) => [instance.id, digest(config)] as const),
    ...keys.map(({ id, role, name }) => [id, digest({ role, name })] as const),
    ...sealing.keyIds().map((id) => [sealingKeyMark(id), 'known'] as const),
  ])
}

async function otherCopies(services: Services): Promise<Readonly<Record<string, string>>[]> {
  const living = await livingCopies(services)
  return living.filter(({ id }) => id !== services.server.id).map(({ environment }) => environment)
}

/** The copies that run, this one included, with what each said of its environment. */
export async function livingCopies({ store, clock }: Services) {
  const rows = await store.servers.listAlive(new Date(clock.now().getTime() - livingMs))
  return rows.map(({ id, hostname, environment }) => ({
    id,
    hostname,
    environment: environment as Record<string, string>,
  }))
}

/** Returns the id when something changed. */
async function keepInstance(services: Services, tx: Tx, found: EnvironmentFound): Promise<string | undefined> {
  const { kind, instance, entry, config } = found
  const row = await tx.connections.lock(kind, instance.id)
  if (row?.source === 'api') {
    services.log.error(
      { id: row.id },
      'the environment describes an instance whose id was already taken over the API; that one stays as it is',
    )
    return undefined
  }
  if (row?.enabled && isDeepStrictEqual(readableConnection(services, row), config)) return undefined
  const schema = entry.definition.jsonSchema as ConfigSchema
  const stored = sealConfig(services.sealing, { schema, config }, placeOfConnection(instance.id))
  const changes = {
    config: JSON.stringify(stored.config),
    secrets: stored.secrets,
    enabled: true,
    updated_at: tx.now,
    maintain_at: null,
    paused_until: null,
  }
  if (row === undefined) await insertInstance(tx, found, changes)
  else await tx.connections.update(row.id, { ...changes, generation: row.generation + 1 })
  await record(tx, { kind, id: instance.id, action: row === undefined ? 'created' : 'updated' })
  return instance.id
}

interface Changes {
  config: string
  secrets: Buffer | null
  maintain_at: null
  paused_until: null
  enabled: boolean
  updated_at: Date
}

async function insertInstance(tx: Tx, { kind, instance, entry }: EnvironmentFound, changes: Changes): Promise<void> {
  const taken = await tx.connections.findByName(kind, instance.name)
  await tx.connections.insert({
    ...changes,
    id: instance.id,
    kind,
    type: entry.definition.type,
    name: taken === undefined ? instance.name : `${instance.name} (${instance.id})`,
    source: 'env',
    created_at: tx.now,
  })
}

async function disableGone(tx: Tx, present: ReadonlySet<string>): Promise<string[]> {
  const rows: ConnectionRow[] = []
  for (const kind of serverKinds) rows.push(...(await tx.connections.list(kind)))
  const gone = rows.filter((row) => row.source === 'env' && row.enabled && !present.has(row.id))
  for (const { id, kind, generation } of gone) {
    await tx.connections.update(id, { enabled: false, generation: generation + 1, updated_at: tx.now })
    await record(tx, { kind, id, action: 'disabled' })
  }
  return gone.map((row) => row.id)
}

async function record(tx: Tx, change: { kind: ConnectionRow['kind']; id: string; action: string }): Promise<void> {
  const resource = change.kind === 'discovery' ? change.kind : kindWords[change.kind].resource
  tx.audit.append({
    actor: systemActor,
    action: `${resource}.${change.action}`,
    resource_type: resource,
    resource_id: change.id,
    details: { source: 'env' },
  })
  tx.wake('settings', `connection ${change.id}`)
}

async function reportDifferences(services: Services, tx: Tx, seen: Copies): Promise<void> {
  for (const [id, digest] of Object.entries(seen.digests)) {
    const alertKey = `environment ${id}`
    const differs = seen.others.some((other) => other[id] !== undefined && other[id] !== digest)
    if (!differs) {
      await tx.events.resolve(alertKey, tx.now)
      continue
    }
    const title = `Copies of the server were started with different settings for ${id}; the one started last decides`
    services.log.error({ id }, title)
    await emitEvent(tx, { type: 'environment.differs', severity: 'critical', title, data: { id }, alertKey })
  }
}
