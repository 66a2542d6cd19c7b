import { z } from 'zod'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { emptySchema, idParams, idSchema, nameSchema, timeSchema } from './scalars.js'

export const apiKeyRoles = ['admin', 'operator', 'viewer', 'auditor'] as const

const apiKeyShape = {
  id: z.string(),
  name: z.string(),
  role: z.enum(apiKeyRoles),
  owner: z.string().optional().describe('Who answers for it.'),
  expires_at: timeSchema.optional(),
  last_used_at: timeSchema.optional(),
  created_by: z.string().optional(),
  created_at: timeSchema,
  source: z
    .enum(['api', 'env'])
    .optional()
    .describe('env: named by the environment of the server, and taken back there.'),
}
export const apiKeySchema = z.object(apiKeyShape).meta({ id: 'ApiKey' })
export type ApiKey = z.output<typeof apiKeySchema>

export const createdApiKeySchema = z
  .object({ ...apiKeyShape, key: z.string().describe('Shown this once.') })
  .meta({ id: 'CreatedApiKey' })

export const apiKeyOperations = {
  listApiKeys: op('listApiKeys', 'GET /api/v1/api-keys', {
    summary: 'API keys, without their values',
    permission: 'api_keys.read',
    query: listQuery({ role: z.enum(apiKeyRoles).optional() }),
    responses: { 200: pageOf(apiKeySchema, 'ApiKey') },
  }),
  createApiKey: op('createApiKey', 'POST /api/v1/api-keys', {
    summary: 'Makes a key and shows it once',
    permission: 'api_keys.write',
    body: z.strictObject({
      id: idSchema.optional(),
      name: nameSchema,
      role: z.enum(apiKeyRoles),
      owner: nameSchema.optional(),
      expires_at: timeSchema.optional(),
    }),
    responses: { 201: createdApiKeySchema },
  }),
  getApiKey: op('getApiKey', 'GET /api/v1/api-keys/{id}', {
    summary: 'One API key, without its value',
    permission: 'api_keys.read',
    params: idParams,
    responses: { 200: apiKeySchema },
  }),
  deleteApiKey: op('deleteApiKey', 'DELETE /api/v1/api-keys/{id}', {
    summary: 'Ends a key at once',
    permission: 'api_keys.write',
    params: idParams,
    responses: { 204: emptySchema },
  }),
}
