import { z } from 'zod'
import { crudOperations } from './crud-operations.js'
import { op } from './op.js'
import { listQuery } from './page.js'
import { flag, idParams, idSchema, sha256Schema, timeSchema, wholeNumber } from './scalars.js'

export const healthStatuses = ['unknown', 'healthy', 'degraded', 'down', 'cert_mismatch'] as const

/** An endpoint the server shakes hands with again and again. */
export const healthCheckSchema = z
  .object({
    id: z.string(),
    endpoint: z.string(),
    server_name: z.string().optional(),
    certificate_id: z.string().optional(),
    target_id: z.string().optional(),
    network_scan_target_id: z.string().optional(),
    expected_fingerprint: z.string(),
    observed_fingerprint: z.string(),
    status: z.enum(healthStatuses),
    failure_reason: z.string(),
    consecutive_failures: z.number(),
    response_time_ms: z.number(),
    tls_version: z.string(),
    cipher_suite: z.string(),
    cert_subject: z.string(),
    cert_issuer: z.string(),
    cert_expiry: timeSchema.optional(),
    last_checked_at: timeSchema.optional(),
    last_success_at: timeSchema.optional(),
    last_failure_at: timeSchema.optional(),
    last_transition_at: timeSchema.optional(),
    next_check_at: timeSchema.optional().describe('Absent while it is not checked at all.'),
    degraded_threshold: z.number(),
    down_threshold: z.number(),
    check_interval_seconds: z.number(),
    timeout_ms: z.number(),
    enabled: z.boolean(),
    source: z.enum(['api', 'auto']).describe('auto: made for an endpoint of a target.'),
    acknowledged: z.boolean(),
    acknowledged_by: z.string().optional(),
    acknowledged_at: timeSchema.optional(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'HealthCheck' })
export type HealthCheck = z.output<typeof healthCheckSchema>

export const healthHistorySchema = z
  .object({
    id: z.string(),
    health_check_id: z.string(),
    status: z.enum(healthStatuses),
    response_time_ms: z.number(),
    fingerprint: z.string(),
    failure_reason: z.string(),
    checked_at: timeSchema,
  })
  .meta({ id: 'HealthHistoryEntry' })
export type HealthHistoryEntry = z.output<typeof healthHistorySchema>

const endpoint = z
  .string()
  .trim()
  .min(1, 'must be host:port')
  .max(260, 'must not be longer than 260 characters')
  .describe('host:port; 443 where no port is given; brackets round an IPv6 address.')
const fingerprint = z.union([sha256Schema, z.literal('')])
const serverName = z.string().trim().min(1).max(253).describe('SNI, and whom it must be for; default: the host.')
const seconds = z.int().min(10).max(86_400).describe('Pause between two looks.')
const milliseconds = z.int().min(100).max(60_000).describe('How long one look may take.')
const threshold = z.int().min(1).max(100)

const createBody = z.strictObject({
  id: idSchema.optional(),
  endpoint,
  server_name: serverName.optional(),
  certificate_id: idSchema.optional().describe('What must be served there; whichever of its holders answers.'),
  network_scan_target_id: idSchema.optional(),
  expected_fingerprint: fingerprint.optional().describe('SHA-256 of the only leaf that counts.'),
  check_interval_seconds: seconds.optional(),
  timeout_ms: milliseconds.optional(),
  degraded_threshold: threshold.prefault(2).describe('Failures in a row from which it is degraded.'),
  down_threshold: threshold.prefault(5).describe('Failures in a row from which it is down.'),
  enabled: z.boolean().prefault(true),
})

const updateBody = z.strictObject({
  endpoint: endpoint.optional(),
  server_name: serverName.nullable().optional(),
  certificate_id: idSchema.nullable().optional(),
  network_scan_target_id: idSchema.nullable().optional(),
  expected_fingerprint: fingerprint.nullable().optional(),
  check_interval_seconds: seconds.optional(),
  timeout_ms: milliseconds.optional(),
  degraded_threshold: threshold.optional(),
  down_threshold: threshold.optional(),
  enabled: z.boolean().optional(),
})

/** What an older client sends back from what it read, though nobody can set it. */
const readOnly = Object.keys(healthCheckSchema.shape).filter((name) => name !== 'id' && !(name in updateBody.shape))

export const healthCheckOperations = {
  ...crudOperations(
    {
      singular: 'HealthCheck',
      plural: 'HealthChecks',
      path: '/api/v1/health-checks',
      summary: 'Endpoints the server looks at',
      read: 'health_checks.read',
      write: 'health_checks.write',
      readOnly,
    },
    {
      item: healthCheckSchema,
      query: listQuery({
        status: z.enum(healthStatuses).optional(),
        certificate_id: idSchema.optional(),
        network_scan_target_id: idSchema.optional(),
        enabled: flag().optional(),
      }),
      create: createBody,
      update: updateBody,
    },
  ),
  summarizeHealthChecks: op('summarizeHealthChecks', 'GET /api/v1/health-checks/summary', {
    summary: 'How many endpoints are in which state',
    permission: 'health_checks.read',
    responses: {
      200: z.object({
        healthy: z.number(),
        degraded: z.number(),
        down: z.number(),
        cert_mismatch: z.number(),
        unknown: z.number(),
        total: z.number(),
      }),
    },
  }),
  listHealthCheckHistory: op('listHealthCheckHistory', 'GET /api/v1/health-checks/{id}/history', {
    summary: 'The last looks at an endpoint, newest first',
    permission: 'health_checks.read',
    params: idParams,
    query: z.strictObject({ limit: wholeNumber(1, 1000).prefault(100) }),
    responses: { 200: z.object({ data: z.array(healthHistorySchema), total: z.number() }) },
  }),
  acknowledgeHealthCheck: op('acknowledgeHealthCheck', 'POST /api/v1/health-checks/{id}/acknowledge', {
    summary: 'Says that somebody is at it; ends when the endpoint is healthy again',
    permission: 'health_checks.write',
    params: idParams,
    body: z.strictObject({ acknowledged_by: z.string().trim().max(128).optional() }).prefault({}),
    responses: { 200: healthCheckSchema },
  }),
}
