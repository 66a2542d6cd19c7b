import { z } from 'zod'
import { certificateStatuses } from './certificates.js'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { idParams, idSchema, textSchema, timeSchema } from './scalars.js'

/** What may be given when a certificate is revoked (RFC 5280 §5.3.1). `certificateHold` is not lifted again here; `removeFromCRL` is no reason to revoke. */
export const revocationReasons = [
  'unspecified',
  'keyCompromise',
  'caCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'privilegeWithdrawn',
] as const
export type WireRevocationReason = (typeof revocationReasons)[number]

/** In camel or snake case, as older clients write them. */
export const revocationReasonSchema = z
  .string()
  .transform((text, context): WireRevocationReason => {
    const plain = text.replaceAll('_', '').toLowerCase()
    const known = revocationReasons.find((reason) => reason.toLowerCase() === plain)
    if (known !== undefined) return known
    const hint = plain === 'removefromcrl' ? '; it lifts a hold, and a certificate is not held here but revoked' : ''
    context.addIssue({ code: 'custom', message: `must be one of ${revocationReasons.join(', ')}${hint}` })
    return z.NEVER
  })
  .describe('A reason of RFC 5280. certificateHold is for good, too: a hold is not lifted here.')

/** Why, in words: for the record, and for the CA where it takes them. */
export const reasonTextSchema = z.string().trim().min(1).max(511)

const criteriaShape = {
  certificate_ids: z.array(idSchema).min(1).max(25_000).optional(),
  status: z.enum(certificateStatuses).optional(),
  environment: textSchema.optional(),
  profile_id: idSchema.optional(),
  agent_id: idSchema.optional(),
  issuer_id: idSchema.optional(),
  target_id: idSchema.optional(),
  tags: z.record(z.string().min(1).max(128), z.string().max(1024)).optional().describe('Those that have all of these.'),
  source: textSchema.optional().describe('How it came: api, import, EST, …'),
  expires_before: timeSchema.optional(),
  expires_after: timeSchema.optional(),
  created_after: timeSchema.optional(),
  updated_after: timeSchema.optional(),
}
const ownersShape = { owner_id: idSchema.optional(), team_id: idSchema.optional() }
const dry_run = z.boolean().optional().describe('Only says how many would match.')

function requireCriterion<Body extends Record<string, unknown>>(body: Body, names: readonly string[]): boolean {
  return names.some((name) => Object.keys(Object(body[name] ?? {})).length > 0) // Tags that name none are none.
}

const needed = {
  message: 'must be given, or another criterion; no criterion does not mean all certificates',
  path: ['certificate_ids'],
}
const usual = [...Object.keys(criteriaShape), ...Object.keys(ownersShape)]

const renewBody = z
  .strictObject({ ...criteriaShape, ...ownersShape, dry_run })
  .refine((body) => requireCriterion(body, usual), needed)
const revokeBody = z
  .strictObject({
    ...criteriaShape,
    ...ownersShape,
    reason: revocationReasonSchema,
    reason_text: reasonTextSchema.optional(),
    dry_run,
  })
  .refine((body) => requireCriterion(body, usual), needed)
const reassignBody = z
  .strictObject({
    ...criteriaShape,
    owner_id: idSchema.describe('Who gets them.'),
    team_id: idSchema.optional().describe('Which team gets them; it stays where not given.'),
    from_owner_id: idSchema.optional(),
    from_team_id: idSchema.optional(),
    dry_run,
  })
  .refine((body) => requireCriterion(body, [...Object.keys(criteriaShape), 'from_owner_id', 'from_team_id']), needed)

/** At most a hundred of each in an answer; the others are items of the job. */
const answerShape = {
  job_id: z.string().optional().describe('Absent with dry_run.'),
  total_matched: z.number(),
  total_skipped: z.number(),
  total_failed: z.number(),
  skipped: z.array(z.object({ certificate_id: z.string(), code: z.string(), reason: z.string() })).optional(),
  errors: z.array(z.object({ certificate_id: z.string(), code: z.string(), error: z.string() })).optional(),
  cancelled: z.string().optional().describe('Who cancelled it, and why.'),
  total_pending: z.number().optional().describe('Left as they were, since it was cancelled.'),
  more: z.string().optional().describe('Where the whole of the lists is read.'),
}
export const bulkRenewedSchema = z
  .object({
    ...answerShape,
    total_enqueued: z.number(),
    enqueued_jobs: z.array(z.object({ certificate_id: z.string(), job_id: z.string() })).optional(),
  })
  .meta({ id: 'BulkRenewed' })
export const bulkRevokedSchema = z.object({ ...answerShape, total_revoked: z.number() }).meta({ id: 'BulkRevoked' })
export const bulkReassignedSchema = z
  .object({ ...answerShape, total_reassigned: z.number() })
  .meta({ id: 'BulkReassigned' })
export const bulkAcceptedSchema = z
  .object({ job_id: z.string(), total_matched: z.number() })
  .meta({ id: 'BulkAccepted' })

export const bulkItemStates = ['pending', 'done', 'skipped', 'failed'] as const
export const bulkItemSchema = z
  .object({
    certificate_id: z.string(),
    state: z.enum(bulkItemStates),
    code: z.string().optional(),
    message: z.string().optional(),
    job_id: z.string().optional().describe('The job that it led to.'),
  })
  .meta({ id: 'BulkItem' })
export type BulkItem = z.output<typeof bulkItemSchema>

const slow = 'answers within 20 s with the totals, or with a job to watch'

export const bulkOperations = {
  bulkRenewCertificates: op('bulkRenewCertificates', 'POST /api/v1/certificates/bulk-renew', {
    summary: `Renews all that match; ${slow}`,
    permission: 'certificates.write',
    body: renewBody,
    responses: { 200: bulkRenewedSchema, 202: bulkAcceptedSchema },
  }),
  bulkRevokeCertificates: op('bulkRevokeCertificates', 'POST /api/v1/certificates/bulk-revoke', {
    summary: `Revokes all that match; ${slow}`,
    permission: 'certificates.bulk_revoke',
    body: revokeBody,
    responses: { 200: bulkRevokedSchema, 202: bulkAcceptedSchema },
  }),
  bulkRevokeEstCertificates: op('bulkRevokeEstCertificates', 'POST /api/v1/est/certificates/bulk-revoke', {
    summary: `Revokes all that match and came by EST; ${slow}`,
    permission: 'certificates.bulk_revoke',
    body: revokeBody,
    responses: { 200: bulkRevokedSchema, 202: bulkAcceptedSchema },
  }),
  bulkReassignCertificates: op('bulkReassignCertificates', 'POST /api/v1/certificates/bulk-reassign', {
    summary: `Gives all that match to another owner; ${slow}`,
    permission: 'certificates.write',
    body: reassignBody,
    responses: { 200: bulkReassignedSchema, 202: bulkAcceptedSchema },
  }),
  listJobItems: op('listJobItems', 'GET /api/v1/jobs/{id}/items', {
    summary: 'The certificates of a bulk job and what became of each',
    permission: 'jobs.read',
    params: idParams,
    query: listQuery({ state: z.enum(bulkItemStates).optional() }),
    responses: { 200: pageOf(bulkItemSchema, 'BulkItem') },
  }),
}
