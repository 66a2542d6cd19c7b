import { z } from 'zod'
import { op } from './op.js'
import { placementSchema } from './placement.js'
import { textBody, timeSchema } from './scalars.js'

export const statusSchema = z
  .object({
    version: z.string(),
    server_time: timeSchema,
    certificates: z.object({ total: z.number(), active: z.number(), expiring: z.number(), expired: z.number() }),
    placements: z.object({
      pending: z.number(),
      deploying: z.number(),
      deployed: z.number(),
      served: z.number(),
      drifted: z.number(),
      failed: z.number(),
      unverifiable: z.number(),
    }),
    endpoints: z
      .object({ total: z.number(), unhealthy: z.number() })
      .optional()
      .describe('Health checks that are enabled; absent: an older server.'),
    agents: z.object({ total: z.number(), online: z.number() }),
    renewals: z.object({
      due: z.number().describe('Reached their time and are under way.'),
      overdue: z.number().describe('Reached their time an hour ago or more.'),
      next_at: timeSchema.optional(),
    }),
    jobs: z.object({ waiting: z.number(), active: z.number() }),
    failing: z.array(placementSchema).describe('Placements that are drifted or failed, worst first; at most fifty.'),
  })
  .meta({ id: 'Status' })
export type Status = z.output<typeof statusSchema>

export const statusOperations = {
  getStatus: op('getStatus', 'GET /api/v1/status', {
    summary: 'Whether everything is served as it should be',
    permission: 'status.read',
    responses: { 200: statusSchema },
  }),
  getPrometheusMetrics: op('getPrometheusMetrics', 'GET /api/v1/metrics/prometheus', {
    summary: 'Metrics in the text format of Prometheus',
    permission: 'metrics.read',
    responses: { 200: textBody('text/plain; version=0.0.4; charset=utf-8') },
  }),
}
