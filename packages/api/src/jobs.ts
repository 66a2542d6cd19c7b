import { z } from 'zod'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { idParams, idSchema, textSchema, timeSchema } from './scalars.js'

/** The first four are what older clients know. */
export const jobTypes = [
  'Issuance',
  'Renewal',
  'Deployment',
  'Validation',
  'Verification',
  'Test',
  'Scan',
  'Challenge',
  'Bulk',
] as const
export const jobStatuses = [
  'Pending',
  'AwaitingCSR',
  'AwaitingApproval',
  'Running',
  'Completed',
  'Failed',
  'Cancelled',
] as const
export const verificationStatuses = ['pending', 'success', 'failed', 'skipped'] as const

export const jobSchema = z
  .object({
    id: z.string(),
    type: z.enum(jobTypes),
    certificate_id: z.string().optional(),
    target_id: z.string().optional(),
    agent_id: z.string().optional(),
    status: z.enum(jobStatuses),
    attempts: z.number(),
    max_attempts: z.number().describe('0: until it works.'),
    last_error: z.string().optional(),
    error_code: z.string().optional(),
    scheduled_at: timeSchema,
    started_at: timeSchema.optional(),
    completed_at: timeSchema.optional(),
    created_at: timeSchema,
    bulk: z
      .object({
        action: z.enum(['renew', 'revoke', 'reassign']),
        total: z.number(),
        done: z.number(),
        skipped: z.number(),
        failed: z.number(),
        pending: z.number(),
      })
      .optional()
      .describe('How far a bulk job has come; on reads of one job.'),
    verification_status: z.enum(verificationStatuses),
    verified_at: timeSchema.optional(),
    verification_error: z.string().optional(),
    verification_fingerprint: z.string().optional(),
  })
  .meta({ id: 'Job' })
export type Job = z.output<typeof jobSchema>

export const jobOperations = {
  listJobs: op('listJobs', 'GET /api/v1/jobs', {
    summary: 'Jobs, newest first',
    permission: 'jobs.read',
    query: listQuery({
      status: z.enum(jobStatuses).optional(),
      type: z.enum(jobTypes).optional(),
      certificate_id: idSchema.optional(),
      target_id: idSchema.optional(),
      agent_id: idSchema.optional(),
    }),
    responses: { 200: pageOf(jobSchema, 'Job') },
  }),
  getJob: op('getJob', 'GET /api/v1/jobs/{id}', {
    summary: 'One job',
    permission: 'jobs.read',
    params: idParams,
    responses: { 200: jobSchema },
  }),
  cancelJob: op('cancelJob', 'POST /api/v1/jobs/{id}/cancel', {
    summary: 'Cancels a job that has not ended',
    permission: 'jobs.write',
    params: idParams,
    body: z.strictObject({ reason: textSchema.optional() }).prefault({}),
    responses: { 200: z.object({ status: z.literal('job_cancelled') }) },
  }),
  approveJob: op('approveJob', 'POST /api/v1/jobs/{id}/approve', {
    summary: 'Agrees to what this job waits to be approved for',
    permission: 'approvals.decide',
    params: idParams,
    body: z.strictObject({ note: textSchema.optional() }).prefault({}),
    responses: { 200: z.object({ status: z.literal('job_approved') }) },
  }),
  rejectJob: op('rejectJob', 'POST /api/v1/jobs/{id}/reject', {
    summary: 'Refuses what this job waits to be approved for',
    permission: 'approvals.decide',
    params: idParams,
    body: z.strictObject({ reason: textSchema.optional() }).prefault({}),
    responses: { 200: z.object({ status: z.literal('job_rejected') }) },
  }),
  verifyJob: op('verifyJob', 'POST /api/v1/jobs/{id}/verify', {
    summary: "What an older agent's handshake showed; comes before its Completed",
    permission: 'agent.act',
    agent: 'own',
    params: idParams,
    body: z.strictObject({
      target_id: idSchema,
      expected_fingerprint: z.string().max(128),
      actual_fingerprint: z.string().max(128),
      verified: z.boolean().prefault(false),
      error: textSchema.optional(),
    }),
    responses: { 200: z.object({ job_id: z.string(), verified: z.boolean(), verified_at: timeSchema }) },
  }),
  getJobVerification: op('getJobVerification', 'GET /api/v1/jobs/{id}/verification', {
    summary: 'What a handshake showed after this job',
    permission: 'jobs.read',
    params: idParams,
    responses: {
      200: z
        .object({
          job_id: z.string(),
          target_id: z.string(),
          expected_fingerprint: z.string(),
          actual_fingerprint: z.string(),
          verified: z.boolean(),
          verified_at: timeSchema,
          error: z.string().optional(),
        })
        .meta({ id: 'JobVerification' }),
    },
  }),
}
