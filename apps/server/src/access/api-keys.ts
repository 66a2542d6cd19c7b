import type { Role } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { ApiKeyRow } from '../store/api-keys.js'
import type { Actor } from '../store/audit-entry.js'
import { createId } from '../store/create-id.js'
import { violatedUnique } from '../store/database-error.js'
import type { Page, PageRequest } from '../store/page.js'
import { createToken, hashToken } from './token.js'

export interface NewApiKey {
  id?: string | undefined
  name: string
  role: Exclude<Role, 'agent'>
  owner?: string | undefined
  expiresAt?: Date | undefined
  actor: Actor
}

/** Makes a key; its value is in this answer and nowhere else. `prepare` runs with the value before its row exists. */
export async function createApiKey(
  services: Services,
  input: NewApiKey,
  prepare: (key: string) => Promise<void> = async () => {},
): Promise<{ row: ApiKeyRow; key: string }> {
  const { name, role, owner, expiresAt, actor } = input
  if (expiresAt !== undefined && expiresAt <= services.clock.now()) {
    const message = 'must be in the future'
    throw new CertctlError('request_malformed', `expires_at: ${message}`, {
      errors: [{ field: 'expires_at', message }],
    })
  }
  const key = createToken('cck')
  await prepare(key)
  return await services.store.transaction(async (tx) => {
    const id = input.id ?? createId('key', tx.now)
    if ((await tx.apiKeys.get(id)) !== undefined)
      throw new CertctlError('conflict', `There is already an API key "${id}"`)
    const row: ApiKeyRow = {
      id,
      name,
      role,
      owner: owner ?? null,
      created_at: tx.now,
      expires_at: expiresAt ?? null,
      last_used_at: null,
      revoked_at: null,
      source: 'api',
    }
    await insertOnce(async () => await tx.apiKeys.insert({ ...row, key_hash: hashToken(key) }), name)
    tx.audit.append({
      actor,
      action: 'api_key.created',
      resource_type: 'api_key',
      resource_id: id,
      details: { name, role, owner, expires_at: expiresAt },
    })
    return { row, key }
  })
}

async function insertOnce(insert: () => Promise<void>, name: string): Promise<void> {
  try {
    await insert()
  } catch (cause) {
    if (violatedUnique(cause) !== 'api_keys_name') throw cause
    throw new CertctlError(
      'conflict',
      `There is already an API key named "${name}"; revoke it first or choose another name`,
      {
        cause,
      },
    )
  }
}

/** Ends a key at once. Throws `not_found`; the last administrator's key is kept (`conflict`). */
export async function revokeApiKey(services: Services, input: { id: string; actor: Actor }): Promise<void> {
  const { id, actor } = input
  await services.store.transaction(async (tx) => {
    const row = await tx.apiKeys.get(id)
    if (row === undefined || row.revoked_at !== null) throw unknownKey(id)
    if (row.source === 'env')
      throw new CertctlError(
        'conflict',
        `"${row.name}" comes from the environment of the server; take it out of CERTCTL_API_KEYS_NAMED or CERTCTL_AUTH_SECRET and restart`,
      )
    // Two administrators who revoke one another at the same moment would leave none.
    if (row.role === 'admin') await tx.apiKeys.lockLive('admin')
    if (!(await tx.apiKeys.revoke(id, tx.now))) throw unknownKey(id)
    if (row.role === 'admin' && !(await tx.apiKeys.hasLive('admin', tx.now)))
      throw new CertctlError('conflict', `"${row.name}" is the last administrator's key; make another one first`)
    tx.audit.append({
      actor,
      action: 'api_key.revoked',
      resource_type: 'api_key',
      resource_id: id,
      details: { name: row.name },
    })
    tx.wake('settings', `api-key ${id}`)
  })
  services.wakes.tellHere('settings', `api-key ${id}`)
}

/** Throws `not_found`, for revoked ones too. */
export async function getApiKey({ store }: Services, id: string): Promise<ApiKeyRow> {
  const row = await store.apiKeys.get(id)
  if (row === undefined || row.revoked_at !== null) throw unknownKey(id)
  return row
}

export async function listApiKeys(
  { store }: Services,
  filter: { role?: NewApiKey['role'] | undefined },
  request: PageRequest,
): Promise<Page<ApiKeyRow>> {
  return await store.apiKeys.page(filter, request)
}

function unknownKey(id: string): CertctlError {
  return new CertctlError('not_found', `No API key "${id}"; list them with GET /api/v1/api-keys`)
}
