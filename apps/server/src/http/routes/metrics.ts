import { reply } from '@certctl/api'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'

export function metricsRoutes({ metrics }: Pick<Services, 'metrics'>): Handlers<'getPrometheusMetrics'> {
  return {
    getPrometheusMetrics: async () => reply(200, await metrics.text(), { 'content-type': metrics.contentType }),
  }
}
