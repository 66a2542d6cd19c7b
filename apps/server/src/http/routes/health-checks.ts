import { reply } from '@certctl/api'
import { actorOf } from '../../access/principal.js'
import { createHealthCheck } from '../../inventory/create-health-check.js'
import {
  getHealthCheck,
  healthHistory,
  listHealthChecks,
  summarizeHealthChecks,
} from '../../inventory/list-health-checks.js'
import { acknowledgeHealthCheck, deleteHealthCheck, updateHealthCheck } from '../../inventory/update-health-check.js'
import type { Services } from '../../services.js'
import { matchCheck } from '../etag.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'

type Ids =
  | 'listHealthChecks'
  | 'summarizeHealthChecks'
  | 'createHealthCheck'
  | 'getHealthCheck'
  | 'updateHealthCheck'
  | 'deleteHealthCheck'
  | 'listHealthCheckHistory'
  | 'acknowledgeHealthCheck'

export function healthCheckRoutes(services: Services): Handlers<Ids> {
  return {
    async listHealthChecks({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listHealthChecks', query)
      const filter = {
        status: query.status,
        certificateId: query.certificate_id,
        networkScanTargetId: query.network_scan_target_id,
        enabled: query.enabled,
      }
      return reply(
        200,
        envelope(await listHealthChecks(services, filter, request), (view) => view),
      )
    },
    summarizeHealthChecks: async () => reply(200, await summarizeHealthChecks(services)),
    createHealthCheck: async ({ body, principal }) =>
      reply(201, await createHealthCheck(services, { given: body, actor: actorOf(principal) })),
    getHealthCheck: async ({ params }) => reply(200, await getHealthCheck(services, params.id)),
    async updateHealthCheck({ params, body, principal, raw }) {
      const change = { id: params.id, changes: body, actor: actorOf(principal), check: matchCheck(raw) }
      return reply(200, await updateHealthCheck(services, change))
    },
    async deleteHealthCheck({ params, principal }) {
      await deleteHealthCheck(services, { id: params.id, actor: actorOf(principal) })
      return reply(204, undefined)
    },
    listHealthCheckHistory: async ({ params, query }) =>
      reply(200, await healthHistory(services, { id: params.id, limit: query.limit })),
    acknowledgeHealthCheck: async ({ params, body, principal }) =>
      reply(
        200,
        await acknowledgeHealthCheck(services, {
          id: params.id,
          by: body.acknowledged_by,
          actor: actorOf(principal),
        }),
      ),
  }
}
