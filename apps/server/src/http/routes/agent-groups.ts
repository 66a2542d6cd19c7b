import { agentGroupSchema, reply } from '@certctl/api'
import { agentView } from '../../inventory/agent-view.js'
import { listGroupMembers } from '../../inventory/list-group-members.js'
import { agentGroupNoun } from '../../inventory/nouns/agent-group-noun.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { nounRoutes } from '../noun-routes.js'
import { listingOf } from '../page.js'

type Ids =
  | 'listAgentGroups'
  | 'createAgentGroup'
  | 'getAgentGroup'
  | 'updateAgentGroup'
  | 'deleteAgentGroup'
  | 'listAgentGroupMembers'

export function agentGroupRoutes(services: Services): Handlers<Ids> {
  const routes = nounRoutes(services, { noun: agentGroupNoun, schema: agentGroupSchema, list: 'listAgentGroups' })
  return {
    listAgentGroups: routes.list,
    createAgentGroup: routes.create,
    getAgentGroup: routes.get,
    updateAgentGroup: routes.update,
    deleteAgentGroup: routes.remove,
    async listAgentGroupMembers({ params, query }) {
      const { request, envelope } = listingOf(services.sealing, `members of ${params.id}`, query)
      const now = services.clock.now()
      const members = await listGroupMembers(services, params.id, request)
      return reply(
        200,
        envelope(members, (row) => agentView(row, now)),
      )
    },
  }
}
