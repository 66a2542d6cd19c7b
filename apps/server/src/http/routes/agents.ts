import { blockedByDependenciesSchema, reply } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { actorOf } from '../../access/principal.js'
import { agentView } from '../../inventory/agent-view.js'
import { createAgent } from '../../inventory/create-agent.js'
import { joinAgent } from '../../inventory/join-agent.js'
import { getAgent, listAgents } from '../../inventory/list-agents.js'
import { retireAgent } from '../../inventory/retire-agent.js'
import type { Services } from '../../services.js'
import type { AgentRow } from '../../store/agents.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'
import { problemBody } from '../problem.js'

type Ids = 'listAgents' | 'listRetiredAgents' | 'createAgent' | 'getAgent' | 'retireAgent' | 'joinAgent'

export function agentRoutes(services: Services): Handlers<Ids> {
  const viewOf = (row: AgentRow) => agentView(row, services.clock.now())
  return {
    async listAgents({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listAgents', query)
      const filter = { retired: false, name: query.name, status: query.status }
      return reply(200, envelope(await listAgents(services, filter, request), viewOf))
    },
    async listRetiredAgents({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listRetiredAgents', query)
      return reply(200, envelope(await listAgents(services, { retired: true, status: query.status }, request), viewOf))
    },
    async createAgent({ body, principal }) {
      const { id, ...description } = body
      const { row, apiKey } = await createAgent(services, { id, description, actor: actorOf(principal) })
      return reply(201, { ...viewOf(row), api_key: apiKey })
    },
    getAgent: async ({ params }) => reply(200, viewOf(await getAgent(services, params.id))),
    async retireAgent({ params, query, principal, raw }) {
      const { force = false, reason } = query
      const outcome = await retireAgent(services, { id: params.id, force, reason, actor: actorOf(principal) })
      if (outcome.state === 'already') return reply(204, undefined)
      if (outcome.state === 'blocked') return reply(409, blockedBody(outcome.counts, raw.requestId))
      const { retiredAt, counts, cascade } = outcome
      return reply(200, { retired_at: retiredAt.toISOString(), already_retired: false, cascade, counts })
    },
    async joinAgent({ body }) {
      const { token, ...description } = body
      const { row, apiKey } = await joinAgent(services, { token, description })
      return reply(201, { agent: viewOf(row), api_key: apiKey })
    },
  }
}

function blockedBody(
  counts: { active_targets: number; active_certificates: number; pending_jobs: number },
  requestId: string,
) {
  const list = Object.entries(counts).map(([name, count]) => `${name.replaceAll('_', ' ')}: ${count}`)
  const error = new CertctlError(
    'conflict',
    `The agent is still needed (${list.join(', ')}); move what depends on it, or retire it with force and a reason`,
  )
  return { ...problemBody(error, requestId), error: blockedByDependenciesSchema.shape.error.value, counts }
}
