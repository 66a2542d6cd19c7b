import { z } from 'zod'
import { certificateStatuses } from './certificates.js'
import { op } from './op.js'
import { timeSchema, wholeNumber } from './scalars.js'

const count = z.number()
const daySchema = z.iso.date().describe('A day in UTC.')

export const statsSummarySchema = z
  .object({
    total_certificates: count.describe('All but archived ones.'),
    expiring_certificates: count,
    expired_certificates: count,
    revoked_certificates: count,
    active_agents: count,
    offline_agents: count,
    total_agents: count,
    pending_jobs: count.describe('Not ended yet.'),
    failed_jobs: count,
    complete_jobs: count,
    notifications_dead: count,
    completed_at: timeSchema.describe('When these were counted.'),
  })
  .meta({ id: 'StatsSummary' })
export type StatsSummary = z.output<typeof statsSummarySchema>

export const jobTrendSchema = z
  .object({
    date: daySchema,
    completed_count: count,
    failed_count: count,
    success_rate: z.number().describe('Percent of those that ended; 0 where none did.'),
  })
  .meta({ id: 'JobTrend' })
export type JobTrend = z.output<typeof jobTrendSchema>

export const metricsSchema = z
  .object({
    gauge: z.object({
      certificate_total: count,
      certificate_active: count,
      certificate_expiring_soon: count,
      certificate_expired: count,
      certificate_revoked: count,
      agent_total: count,
      agent_online: count,
      job_pending: count,
    }),
    counter: z.object({ job_completed_total: count, job_failed_total: count, notifications_dead_total: count }),
    uptime: z.object({ uptime_seconds: count, server_started: timeSchema, measured_at: timeSchema }),
  })
  .meta({ id: 'Metrics' })
export type Metrics = z.output<typeof metricsSchema>

const days = z.strictObject({ days: wholeNumber(1, 365).optional().describe('30 where not given.') })

/** Bare arrays, as dashboards know them. */
export const statsOperations = {
  getStatsSummary: op('getStatsSummary', 'GET /api/v1/stats/summary', {
    summary: 'Certificates, agents, jobs and notifications in numbers',
    permission: 'status.read',
    responses: { 200: statsSummarySchema },
  }),
  listCertificatesByStatus: op('listCertificatesByStatus', 'GET /api/v1/stats/certificates-by-status', {
    summary: 'How many certificates there are of each status',
    permission: 'status.read',
    responses: { 200: z.array(z.object({ status: z.enum(certificateStatuses), count })) },
  }),
  listExpirationTimeline: op('listExpirationTimeline', 'GET /api/v1/stats/expiration-timeline', {
    summary: 'How many certificates end on each of the next days',
    permission: 'status.read',
    query: days,
    responses: { 200: z.array(z.object({ date: daySchema, count })) },
  }),
  listJobTrends: op('listJobTrends', 'GET /api/v1/stats/job-trends', {
    summary: 'How jobs ended on each of the last days',
    permission: 'status.read',
    query: days,
    responses: { 200: z.array(jobTrendSchema) },
  }),
  listIssuanceRate: op('listIssuanceRate', 'GET /api/v1/stats/issuance-rate', {
    summary: 'How many certificates were issued on each of the last days',
    permission: 'status.read',
    query: days,
    responses: { 200: z.array(z.object({ date: daySchema, issued_count: count })) },
  }),
  getMetrics: op('getMetrics', 'GET /api/v1/metrics', {
    summary: 'The main metrics as JSON',
    permission: 'metrics.read',
    responses: { 200: metricsSchema },
  }),
}
