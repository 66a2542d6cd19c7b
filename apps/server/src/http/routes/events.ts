import { type Event, reply } from '@certctl/api'
import { listEvents } from '../../inventory/list-events.js'
import type { Services } from '../../services.js'
import type { EventRow } from '../../store/events.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'

export function eventRoutes(services: Services): Handlers<'listEvents'> {
  return {
    async listEvents({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listEvents', query)
      const filter = {
        type: query.type,
        severity: query.severity,
        certificateId: query.certificate_id,
        targetId: query.target_id,
        agentId: query.agent_id,
        since: query.since === undefined ? undefined : new Date(query.since),
        until: query.until === undefined ? undefined : new Date(query.until),
      }
      return reply(200, envelope(await listEvents(services, filter, request), viewOf))
    },
  }
}

function viewOf(row: EventRow): Event {
  return {
    id: row.id,
    type: row.type,
    severity: row.severity,
    message: row.title,
    ...(row.certificate_id === null ? {} : { certificate_id: row.certificate_id }),
    ...(row.target_id === null ? {} : { target_id: row.target_id }),
    ...(row.agent_id === null ? {} : { agent_id: row.agent_id }),
    data: row.data as Record<string, unknown>,
    at: row.at.toISOString(),
  }
}
