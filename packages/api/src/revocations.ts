import { z } from 'zod'
import { reasonTextSchema, revocationReasonSchema } from './bulk.js'
import { op } from './op.js'
import { idParams, idSchema, timeSchema } from './scalars.js'

/** `here`: known to us, the CA not told yet. `requested`: the CA has it in hand. `unconfirmable`: its connector cannot tell it. */
export const revocationStates = ['here', 'requested', 'confirmed', 'unconfirmable'] as const

export const revocationSchema = z
  .object({
    id: z.string(),
    version_id: z.string(),
    serial_number: z.string(),
    issuer_id: z.string(),
    reason: z.string(),
    reason_text: z.string(),
    state: z.enum(revocationStates),
    attempts: z.number().describe('How often the CA was told.'),
    last_error: z.string().optional(),
    error_code: z.string().optional(),
    next_try_at: timeSchema.optional(),
    requested_by: z.string(),
    created_at: timeSchema,
    confirmed_at: timeSchema.optional(),
  })
  .meta({ id: 'Revocation' })
export type Revocation = z.output<typeof revocationSchema>

export const revocationOperations = {
  revokeCertificate: op('revokeCertificate', 'POST /api/v1/certificates/{id}/revoke', {
    summary: 'Revokes what could still be used of it, here at once, and tells its CA until that confirms',
    permission: 'certificates.write',
    params: idParams,
    body: z
      .strictObject({
        reason: revocationReasonSchema.optional().describe('unspecified where not given.'),
        reason_text: reasonTextSchema.optional(),
        version_id: idSchema.optional().describe('Only this version, and with keyCompromise every one of its key.'),
      })
      .prefault({}),
    responses: { 200: z.object({ status: z.literal('revoked'), version_ids: z.array(z.string()) }) },
  }),
  listCertificateRevocations: op('listCertificateRevocations', 'GET /api/v1/certificates/{id}/revocations', {
    summary: 'What was revoked of it, and whether its CA has confirmed that',
    permission: 'certificates.read',
    params: idParams,
    responses: { 200: z.object({ data: z.array(revocationSchema), total: z.number() }) },
  }),
}
