import { reply } from '@certctl/api'
import {
  readByStatus,
  readIssuanceRate,
  readJobTrends,
  readMetrics,
  readSummary,
  readTimeline,
} from '../../inventory/read-stats.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'

type Ids =
  | 'getStatsSummary'
  | 'listCertificatesByStatus'
  | 'listExpirationTimeline'
  | 'listJobTrends'
  | 'listIssuanceRate'
  | 'getMetrics'

const usualDays = 30

export function statsRoutes(services: Services): Handlers<Ids> {
  const startedAt = services.clock.now()
  return {
    getStatsSummary: async () => reply(200, await readSummary(services)),
    listCertificatesByStatus: async () => reply(200, await readByStatus(services)),
    listExpirationTimeline: async ({ query }) => reply(200, await readTimeline(services, query.days ?? usualDays)),
    listJobTrends: async ({ query }) => reply(200, await readJobTrends(services, query.days ?? usualDays)),
    listIssuanceRate: async ({ query }) => reply(200, await readIssuanceRate(services, query.days ?? usualDays)),
    getMetrics: async () => reply(200, await readMetrics(services, startedAt)),
  }
}
