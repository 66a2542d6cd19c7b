import { createHash } from 'node:crypto'
import type { Services } from '../services.js'
import type { Tx } from '../store/store.js'
import { type ListedKey, namedKeys, secretKeys } from './key-lists.js'
import { environmentKeyId } from './person-text.js'
import { systemActor } from './principal.js'
import { hashToken } from './token.js'

/** A key of the environment as its row knows it: by its value, so that another value under the same name is another key, and both work while copies are restarted. */
export interface EnvironmentKey extends ListedKey {
  id: string
  hash: Buffer
}

/** Shorter ones can be guessed by whoever has time. */
const shortest = 24

/** The keys that this copy's environment names. Named ones, where there are any, win over the list without names, as in the old server. */
export function environmentKeys({ config, log }: Pick<Services, 'config' | 'log'>): EnvironmentKey[] {
  const { api_keys_named: named, auth_secret: secrets } = config
  const listed = namedKeys(named?.reveal() ?? '')
  if (listed.length > 0 && secrets !== undefined)
    log.warn({}, 'CERTCTL_AUTH_SECRET is not read: CERTCTL_API_KEYS_NAMED is set; keep one')
  const keys = listed.length > 0 ? listed : secretKeys(secrets?.reveal() ?? '')
  const short = keys.filter(({ key }) => key.reveal().length < shortest).map(({ name }) => name)
  if (short.length > 0)
    log.warn({ names: short }, `API keys of the environment are shorter than ${shortest} characters; replace them`)
  return keys.map((key) => ({ ...key, ...identityOf(key) }))
}

function identityOf({ key }: ListedKey): { id: string; hash: Buffer } {
  const hash = hashToken(key.reveal())
  return { id: `${environmentKeyId}${createHash('sha256').update(hash).digest('hex').slice(0, 24)}`, hash }
}

/** Makes the rows of these keys. Returns the ids that changed. */
export async function keepEnvironmentKeys(tx: Tx, keys: readonly EnvironmentKey[]): Promise<string[]> {
  const changed: string[] = []
  for (const key of keys) if (await keep(tx, key)) changed.push(key.id)
  return changed
}

async function keep(tx: Tx, key: EnvironmentKey): Promise<boolean> {
  const { id, role, hash } = key
  const row = await tx.apiKeys.findByHash(hash)
  // Made over the API and copied into the environment: it stays what it is.
  if (row !== undefined && row.source === 'api') return false
  const isSame = row?.revoked_at === null && row.role === role && row.owner === key.name
  if (isSame) return false
  const name = await freeName(tx, key)
  const changes = { name, role, owner: key.name }
  if (row === undefined)
    await tx.apiKeys.insert({ ...changes, id, key_hash: hash, source: 'env', created_at: tx.now, ...unused })
  else await tx.apiKeys.revive(id, changes)
  await record(tx, { id, action: row === undefined ? 'created' : 'updated', name, role })
  return true
}

const unused = { expires_at: null, last_used_at: null, revoked_at: null }

async function freeName(tx: Tx, { id, name }: EnvironmentKey): Promise<string> {
  const taken = await tx.apiKeys.findLiveByName(name)
  return taken === undefined || taken.id === id ? name : `${name} (${id.slice(-8)})`
}

/** Revokes what no living copy names any more. Returns the ids. */
export async function revokeUnnamedKeys(tx: Tx, present: ReadonlySet<string>): Promise<string[]> {
  const gone = (await tx.apiKeys.listOfEnvironment()).filter(({ id }) => !present.has(id))
  for (const { id, name, role } of gone) {
    await tx.apiKeys.revoke(id, tx.now)
    await record(tx, { id, action: 'revoked', name, role })
  }
  return gone.map(({ id }) => id)
}

async function record(tx: Tx, change: { id: string; action: string; name: string; role: string }): Promise<void> {
  const { id, action, name, role } = change
  tx.audit.append({
    actor: systemActor,
    action: `api_key.${action}`,
    resource_type: 'api_key',
    resource_id: id,
    details: { name, role, source: 'env' },
  })
  tx.wake('settings', `api-key ${id}`)
}
