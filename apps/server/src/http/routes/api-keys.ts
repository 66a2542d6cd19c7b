import { type ApiKey, reply } from '@certctl/api'
import { createApiKey, getApiKey, listApiKeys, revokeApiKey } from '../../access/api-keys.js'
import { actorOf } from '../../access/principal.js'
import type { Services } from '../../services.js'
import type { ApiKeyRow } from '../../store/api-keys.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'

type Ids = 'listApiKeys' | 'createApiKey' | 'getApiKey' | 'deleteApiKey'

export function apiKeyRoutes(services: Services): Handlers<Ids> {
  return {
    async listApiKeys({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listApiKeys', query)
      return reply(200, envelope(await listApiKeys(services, { role: query.role }, request), viewOf))
    },
    async createApiKey({ body, principal }) {
      const { id, name, role, owner, expires_at } = body
      const expiresAt = expires_at === undefined ? undefined : new Date(expires_at)
      const { row, key } = await createApiKey(services, { id, name, role, owner, expiresAt, actor: actorOf(principal) })
      return reply(201, { ...viewOf(row), key })
    },
    getApiKey: async ({ params }) => reply(200, viewOf(await getApiKey(services, params.id))),
    async deleteApiKey({ params, principal }) {
      await revokeApiKey(services, { id: params.id, actor: actorOf(principal) })
      return reply(204, undefined)
    },
  }
}

function viewOf(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    ...(row.owner === null ? {} : { owner: row.owner }),
    ...(row.expires_at === null ? {} : { expires_at: row.expires_at.toISOString() }),
    ...(row.last_used_at === null ? {} : { last_used_at: row.last_used_at.toISOString() }),
    created_at: row.created_at.toISOString(),
    source: row.source,
  }
}
