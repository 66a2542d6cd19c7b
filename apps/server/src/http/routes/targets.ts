import { reply } from '@certctl/api'
import { actorOf } from '../../access/principal.js'
import { createTarget } from '../../inventory/create-target.js'
import { deleteTarget } from '../../inventory/delete-target.js'
import { getTarget, listTargets } from '../../inventory/list-targets.js'
import { testTarget } from '../../inventory/test-target.js'
import { updateTarget } from '../../inventory/update-target.js'
import type { Services } from '../../services.js'
import { matchCheck } from '../etag.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'

type Ids = 'listTargets' | 'createTarget' | 'getTarget' | 'updateTarget' | 'deleteTarget' | 'testTarget'

export function targetRoutes(services: Services): Handlers<Ids> {
  return {
    async listTargets({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listTargets', query)
      const filter = { agentId: query.agent_id, type: query.type, enabled: query.enabled }
      return reply(
        200,
        envelope(await listTargets(services, filter, request), (view) => view),
      )
    },
    async createTarget({ body, principal }) {
      const { agent_id: agentId, ...rest } = body
      return reply(201, await createTarget(services, { ...rest, agentId, actor: actorOf(principal) }))
    },
    getTarget: async ({ params }) => reply(200, await getTarget(services, params.id)),
    async updateTarget({ params, body, principal, raw }) {
      const { agent_id: agentId, ...rest } = body
      const changes = { id: params.id, ...rest, agentId, actor: actorOf(principal), check: matchCheck(raw) }
      return reply(200, await updateTarget(services, changes))
    },
    async deleteTarget({ params, principal }) {
      await deleteTarget(services, { id: params.id, actor: actorOf(principal) })
      return reply(204, undefined)
    },
    testTarget: async ({ params, principal, signal }) =>
      reply(200, await testTarget(services, { id: params.id, actor: actorOf(principal), signal })),
  }
}
