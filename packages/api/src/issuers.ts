import { z } from 'zod'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { emptySchema, flag, idParams, idSchema, jsonObjectSchema, nameSchema, timeSchema } from './scalars.js'

export const issuerSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.string(),
    config: jsonObjectSchema.describe('Secrets are shown as ********; sending that back means unchanged.'),
    enabled: z.boolean(),
    available: z.boolean().describe('Whether its connector is installed and accepts the configuration.'),
    unavailable_reason: z.string().optional(),
    last_tested_at: timeSchema.optional(),
    test_status: z.string(),
    source: z.string().describe('env: made from environment variables, cannot be changed here.'),
    hierarchy_mode: z.string().optional(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Issuer' })
export type Issuer = z.output<typeof issuerSchema>

/** What an older client sends back from what it read, though nobody can set it. */
const readOnly = [
  'available',
  'unavailable_reason',
  'last_tested_at',
  'test_status',
  'source',
  'hierarchy_mode',
  'created_at',
  'updated_at',
]

export const issuerOperations = {
  listIssuers: op({
    operationId: 'listIssuers',
    method: 'GET',
    path: '/api/v1/issuers',
    summary: 'Configured connections to CAs',
    permission: 'issuers.read',
    query: listQuery({ type: nameSchema.optional(), enabled: flag().optional() }),
    responses: { 200: pageOf(issuerSchema, 'Issuer') },
  }),
  createIssuer: op({
    operationId: 'createIssuer',
    method: 'POST',
    path: '/api/v1/issuers',
    summary: 'Adds one',
    permission: 'issuers.write',
    body: z.strictObject({
      id: idSchema.optional(),
      name: nameSchema,
      type: nameSchema,
      config: jsonObjectSchema.prefault({}),
      enabled: z.boolean().prefault(true),
    }),
    ignores: readOnly,
    responses: { 201: issuerSchema },
  }),
  getIssuer: op({
    operationId: 'getIssuer',
    method: 'GET',
    path: '/api/v1/issuers/{id}',
    summary: 'One of them',
    permission: 'issuers.read',
    params: idParams,
    responses: { 200: issuerSchema },
  }),
  updateIssuer: op({
    operationId: 'updateIssuer',
    method: 'PUT',
    path: '/api/v1/issuers/{id}',
    summary: 'Changes what is given; the rest stays',
    permission: 'issuers.write',
    params: idParams,
    body: z.strictObject({
      name: nameSchema.optional(),
      type: nameSchema.optional().describe('Must be the type it has.'),
      config: jsonObjectSchema.optional().describe('Merged field by field; null clears a field.'),
      enabled: z.boolean().optional(),
    }),
    ignores: ['id', ...readOnly],
    responses: { 200: issuerSchema },
  }),
  deleteIssuer: op({
    operationId: 'deleteIssuer',
    method: 'DELETE',
    path: '/api/v1/issuers/{id}',
    summary: 'Removes one that nothing uses',
    permission: 'issuers.write',
    params: idParams,
    responses: { 204: emptySchema },
  }),
  testIssuer: op({
    operationId: 'testIssuer',
    method: 'POST',
    path: '/api/v1/issuers/{id}/test',
    summary: 'Tests credentials and reachability; changes nothing. 422 says why it failed',
    permission: 'issuers.write',
    params: idParams,
    body: z.strictObject({}).prefault({}),
    responses: { 200: z.object({ status: z.literal('connection_successful'), detail: z.string().optional() }) },
  }),
}
