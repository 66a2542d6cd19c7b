import { z } from 'zod'
import { auditVerdictSchema } from './audit-proof.js'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { idParams, jsonObjectSchema, textBody, textSchema, timeSchema } from './scalars.js'

export const auditEntrySchema = z
  .object({
    id: z.string(),
    actor: z.string(),
    actor_type: z.enum(['User', 'System', 'Agent']),
    action: z.string(),
    resource_type: z.string(),
    resource_id: z.string(),
    details: jsonObjectSchema,
    timestamp: timeSchema,
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.output<typeof auditEntrySchema>

export const auditOperations = {
  listAuditEntries: op('listAuditEntries', 'GET /api/v1/audit', {
    summary: 'The record, newest first',
    permission: 'audit.read',
    query: listQuery({
      since: timeSchema.optional(),
      until: timeSchema.optional(),
      actor: textSchema.optional(),
      action: textSchema.optional(),
      resource_type: textSchema.optional(),
      resource_id: textSchema.optional(),
    }),
    responses: { 200: pageOf(auditEntrySchema, 'AuditEntry') },
  }),
  exportAudit: op('exportAudit', 'GET /api/v1/audit/export', {
    summary: 'The whole record with its proofs, one JSON document a line',
    permission: 'audit.read',
    responses: { 200: textBody('application/x-ndjson') },
  }),
  verifyAudit: op('verifyAudit', 'POST /api/v1/audit/verify', {
    summary: 'Recomputes every proof and names the first entry that was changed, removed or added',
    permission: 'audit.verify',
    body: z.strictObject({}).prefault({}),
    responses: { 200: auditVerdictSchema },
  }),
  getAuditEntry: op('getAuditEntry', 'GET /api/v1/audit/{id}', {
    summary: 'One entry of the record',
    permission: 'audit.read',
    params: idParams,
    responses: { 200: auditEntrySchema },
  }),
}
