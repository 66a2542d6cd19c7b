import { z } from 'zod'
import {
  connectionQuery,
  connectionReadOnly,
  connectionShape,
  connectionTestedSchema,
  createConnectionBody,
  updateConnectionBody,
} from './connections.js'
import { op } from './op.js'
import { pageOf } from './page.js'
import { emptySchema, idParams } from './scalars.js'

export const issuerSchema = z
  .object({ ...connectionShape, hierarchy_mode: z.string().optional() })
  .meta({ id: 'Issuer' })
export type Issuer = z.output<typeof issuerSchema>

export const issuerOperations = {
  listIssuers: op('listIssuers', 'GET /api/v1/issuers', {
    summary: 'Configured connections to CAs',
    permission: 'issuers.read',
    query: connectionQuery,
    responses: { 200: pageOf(issuerSchema, 'Issuer') },
  }),
  createIssuer: op('createIssuer', 'POST /api/v1/issuers', {
    summary: 'Adds one',
    permission: 'issuers.write',
    body: createConnectionBody,
    ignores: connectionReadOnly,
    responses: { 201: issuerSchema },
  }),
  getIssuer: op('getIssuer', 'GET /api/v1/issuers/{id}', {
    summary: 'One of them',
    permission: 'issuers.read',
    params: idParams,
    responses: { 200: issuerSchema },
  }),
  updateIssuer: op('updateIssuer', 'PUT /api/v1/issuers/{id}', {
    summary: 'Changes what is given; the rest stays',
    permission: 'issuers.write',
    params: idParams,
    body: updateConnectionBody,
    ignores: ['id', ...connectionReadOnly],
    responses: { 200: issuerSchema },
  }),
  deleteIssuer: op('deleteIssuer', 'DELETE /api/v1/issuers/{id}', {
    summary: 'Removes one that nothing uses',
    permission: 'issuers.write',
    params: idParams,
    responses: { 204: emptySchema },
  }),
  testIssuer: op('testIssuer', 'POST /api/v1/issuers/{id}/test', {
    summary: 'Tests credentials and reachability; changes nothing. 422 says why it failed',
    permission: 'issuers.write',
    params: idParams,
    body: z.strictObject({}).prefault({}),
    responses: { 200: connectionTestedSchema },
  }),
}
