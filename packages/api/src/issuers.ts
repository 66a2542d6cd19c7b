import { z } from 'zod'
import { connectionReadOnly, connectionSchemas, connectionShape, connectionTestedSchema } from './connections.js'
import { crudOperations } from './crud-operations.js'
import { op } from './op.js'
import { idParams, timeSchema } from './scalars.js'

export const issuerSchema = z
  .object({ ...connectionShape, hierarchy_mode: z.string().optional() })
  .meta({ id: 'Issuer' })
export type Issuer = z.output<typeof issuerSchema>

export const issuerOperations = {
  ...crudOperations(
    {
      singular: 'Issuer',
      plural: 'Issuers',
      path: '/api/v1/issuers',
      summary: 'Configured connections to CAs',
      read: 'issuers.read',
      write: 'issuers.write',
      readOnly: connectionReadOnly,
    },
    { item: issuerSchema, ...connectionSchemas },
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
  testIssuer: op('testIssuer', 'POST /api/v1/issuers/{id}/test', {
    summary: 'Tests credentials and reachability; changes nothing. 422 says why it failed',
    permission: 'issuers.write',
    params: idParams,
    body: z.strictObject({}).prefault({}),
    responses: { 200: connectionTestedSchema },
  }),
}
