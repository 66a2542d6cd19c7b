import { reply } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { actorOf } from '../../access/principal.js'
import type { Heartbeats } from '../../inventory/heartbeats.js'
import { recordDiscovery } from '../../inventory/record-discovery.js'
import { reportConnectors } from '../../inventory/report-connectors.js'
import { retireAgent } from '../../inventory/retire-agent.js'
import type { Services } from '../../services.js'
import { keepAlive } from '../../work/keep-alive.js'
import type { Handlers } from '../handlers.js'

type Ids = 'agentHeartbeat' | 'describeAgentConnectors' | 'reportDiscoveries' | 'retireSelf'

/** What an agent says of itself. */
export function agentSelfRoutes(services: Services, heartbeats: Heartbeats): Handlers<Ids> {
  return {
    async agentHeartbeat({ params, body }) {
      const { holding = [], boot, ...description } = body
      heartbeats.beat({ id: params.id, ...description })
      if (holding.length > 0 || boot !== undefined) await keepAlive(services, { agentId: params.id, holding, boot })
      return reply(200, { status: 'heartbeat_recorded', server_time: services.clock.now().toISOString() })
    },
    async describeAgentConnectors({ params, body }) {
      await reportConnectors(services, { agentId: params.id, connectors: body.connectors })
      return reply(204, undefined)
    },
    async reportDiscoveries({ params, body }) {
      if (body.agent_id !== undefined && body.agent_id !== '' && body.agent_id !== params.id)
        throw new CertctlError('forbidden', 'agent_id: an agent reports for itself alone')
      const scan = await recordDiscovery(services, { agentId: params.id, report: body })
      return reply(202, {
        id: scan.id,
        agent_id: params.id,
        directories: scan.directories,
        certificates_found: scan.certificates_found,
        certificates_new: scan.certificates_new,
        errors_count: scan.errors_count,
        scan_duration_ms: scan.scan_duration_ms,
        started_at: scan.started_at.toISOString(),
        ...(scan.completed_at === null ? {} : { completed_at: scan.completed_at.toISOString() }),
      })
    },
    async retireSelf({ params, body, principal }) {
      const reason = body.reason ?? 'left by itself'
      const outcome = await retireAgent(services, { id: params.id, force: true, reason, actor: actorOf(principal) })
      const retiredAt = outcome.state === 'retired' ? outcome.retiredAt : services.clock.now()
      return reply(200, { status: 'retired', retired_at: retiredAt.toISOString() })
    },
  }
}
