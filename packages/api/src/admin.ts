import { z } from 'zod'
import { op } from './op.js'
import { timeSchema } from './scalars.js'

export const encryptionKeyStatusSchema = z
  .object({
    state: z
      .enum(['settled', 'prepared', 'resealing'])
      .describe('prepared: a next key is here, unused; resealing: values of another are left; settled: one for all.'),
    key_id: z.string().describe('Of the key that seals.'),
    sealing_since: timeSchema.optional(),
    next_key_id: z.string().optional(),
    remaining: z.record(z.string(), z.number()).describe('Values that another key sealed, by table.'),
    remaining_total: z.number(),
    unopenable: z.array(z.string()).optional().describe('Of these, the first that no key of this copy opens.'),
  })
  .meta({ id: 'EncryptionKeyStatus' })
export type EncryptionKeyStatus = z.output<typeof encryptionKeyStatusSchema>

export const adminOperations = {
  getEncryptionKey: op('getEncryptionKey', 'GET /api/v1/admin/encryption-key', {
    summary: 'Which encryption key seals, and what another one still does',
    permission: 'encryption_key.read',
    responses: { 200: encryptionKeyStatusSchema },
  }),
  rotateEncryptionKey: op('rotateEncryptionKey', 'POST /api/v1/admin/encryption-key/rotate', {
    summary: 'Seals with the next encryption key from now on, and everything anew in the background',
    permission: 'encryption_key.write',
    responses: { 202: encryptionKeyStatusSchema },
  }),
}
