import { z } from 'zod'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { idParams, idSchema, textSchema, timeSchema } from './scalars.js'

export const approvalStates = ['pending', 'approved', 'rejected', 'expired'] as const

/** What happens when it is approved: names, issuer, key, where it goes, and what runs there. */
export const approvalSubjectSchema = z
  .object({
    certificate_name: z.string(),
    common_name: z.string().optional(),
    names: z.array(z.string()),
    subject: z.array(z.object({ type: z.string(), value: z.string() })),
    extended_key_usages: z.array(z.string()),
    must_staple: z.boolean(),
    validity_seconds: z.number().optional().describe("Absent: as the CA gives, within the profile's bounds."),
    environment: z.string(),
    generation: z.number(),
    issuer_id: z.string(),
    issuer_name: z.string(),
    issuer_type: z.string(),
    issuer_config_sha256: z.string().optional().describe('Hash of its type and settings, secrets aside.'),
    key_algorithm: z.string(),
    spki_sha256: z.string().describe('Hash of the public key that is certified.'),
    key_custody: z.enum(['agent', 'outside', 'server']),
    agent_id: z.string().optional(),
    renewal: z.boolean(),
    replaces_fingerprint: z.string().optional(),
    replaces_not_after: timeSchema.optional(),
    targets: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        type: z.string(),
        agent_id: z.string(),
        generation: z.number(),
        commands: z.array(z.string()).describe('What its agent runs there.'),
        last_reload_at: timeSchema.optional().describe('When something was last put there.'),
      }),
    ),
  })
  .meta({ id: 'ApprovalSubject' })

export const approvalSchema = z
  .object({
    id: z.string(),
    certificate_id: z.string(),
    job_id: z.string(),
    profile_id: z.string(),
    requested_by: z.string(),
    state: z.enum(approvalStates),
    decided_by: z.string().optional(),
    decided_at: timeSchema.optional(),
    decision_note: z.string().optional(),
    metadata: approvalSubjectSchema.describe('What is decided about: the decision holds for exactly this.'),
    expires_at: timeSchema,
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Approval' })
export type Approval = z.output<typeof approvalSchema>

const decided = (action: 'approved' | 'rejected') =>
  z.object({ id: z.string(), decided_by: z.string(), action: z.literal(action) })
const note = z.strictObject({ note: textSchema.optional() }).prefault({})

export const approvalOperations = {
  listApprovals: op('listApprovals', 'GET /api/v1/approvals', {
    summary: 'What waited or waits for a second person, newest first',
    permission: 'approvals.read',
    query: listQuery({
      state: z.enum(approvalStates).optional(),
      certificate_id: idSchema.optional(),
      requested_by: z.string().max(128).optional().describe('Name of the key that asked.'),
    }),
    responses: { 200: pageOf(approvalSchema, 'Approval') },
  }),
  getApproval: op('getApproval', 'GET /api/v1/approvals/{id}', {
    summary: 'One approval, with what will happen',
    permission: 'approvals.read',
    params: idParams,
    responses: { 200: approvalSchema },
  }),
  approveApproval: op('approveApproval', 'POST /api/v1/approvals/{id}/approve', {
    summary: 'Agrees to what is shown; never by whoever asked for it',
    permission: 'approvals.decide',
    params: idParams,
    body: note,
    responses: { 200: decided('approved') },
  }),
  rejectApproval: op('rejectApproval', 'POST /api/v1/approvals/{id}/reject', {
    summary: 'Refuses what is shown; never by whoever asked for it',
    permission: 'approvals.decide',
    params: idParams,
    body: note,
    responses: { 200: decided('rejected') },
  }),
}
