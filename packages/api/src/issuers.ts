import { z } from 'zod'
import {
  connectionQuery,
  connectionReadOnly,
  connectionShape,
  connectionTestedSchema,
  createConnectionBody,
  updateConnectionBody,
} from './connections.js'
import { crudOperations } from './crud-operations.js'
import { op } from './op.js'
import { idParams } from './scalars.js'

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
    { item: issuerSchema, query: connectionQuery, create: createConnectionBody, update: updateConnectionBody },
  ),
  testIssuer: op('testIssuer', 'POST /api/v1/issuers/{id}/test', {
    summary: 'Tests credentials and reachability; changes nothing. 422 says why it failed',
    permission: 'issuers.write',
    params: idParams,
    body: z.strictObject({}).prefault({}),
    responses: { 200: connectionTestedSchema },
  }),
}
