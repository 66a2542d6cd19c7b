import { z } from 'zod'
import { connectionOperations, connectionShape } from './connections.js'
import { op } from './op.js'
import { idParams, timeSchema } from './scalars.js'

export const issuerSchema = z
  .object({ ...connectionShape, hierarchy_mode: z.string().optional() })
  .meta({ id: 'Issuer' })
export type Issuer = z.output<typeof issuerSchema>

export const issuerOperations = {
  ...connectionOperations(
    {
      singular: 'Issuer',
      plural: 'Issuers',
      path: '/api/v1/issuers',
      summary: 'Configured connections to CAs',
      read: 'issuers.read',
      write: 'issuers.write',
    },
    issuerSchema,
  ),
  listCaCertificates: op('listCaCertificates', 'GET /api/v1/issuers/{id}/ca-certificates', {
    summary: 'The certificates of the CA, as it gives them: the issuing one first. 501 where its connector cannot ask',
    permission: 'issuers.read',
    params: idParams,
    responses: {
      200: z.object({
        certificates: z.array(
          z.object({
            pem: z.string(),
            subject: z.string(),
            fingerprint_sha256: z.string(),
            not_after: timeSchema,
            self_signed: z.boolean(),
          }),
        ),
        pem: z.string().describe('All of them.'),
      }),
    },
  }),
}
