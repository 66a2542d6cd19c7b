import { z } from 'zod'
import { listQuery } from './page.js'
import { flag, idSchema, jsonObjectSchema, nameSchema, timeSchema } from './scalars.js'

/** What issuers and notifiers have in common: a connector, configured. */
export const connectionShape = {
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
  created_at: timeSchema,
  updated_at: timeSchema,
}

/** What an older client sends back from what it read, though nobody can set it. */
export const connectionReadOnly = [
  'available',
  'unavailable_reason',
  'last_tested_at',
  'test_status',
  'source',
  'hierarchy_mode',
  'created_at',
  'updated_at',
]

const connectionQuery = listQuery({ type: nameSchema.optional(), enabled: flag().optional() })

const createConnectionBody = z.strictObject({
  id: idSchema.optional(),
  name: nameSchema,
  type: nameSchema,
  config: jsonObjectSchema.prefault({}),
  enabled: z.boolean().prefault(true),
})

const updateConnectionBody = z.strictObject({
  name: nameSchema.optional(),
  type: nameSchema.optional().describe('Must be the type it has.'),
  config: jsonObjectSchema.optional().describe('Merged field by field; null clears a field.'),
  enabled: z.boolean().optional(),
})

/** What both are listed, made and changed by. */
export const connectionSchemas = { query: connectionQuery, create: createConnectionBody, update: updateConnectionBody }

export const connectionTestedSchema = z
  .object({ status: z.literal('connection_successful'), detail: z.string().optional() })
  .meta({ id: 'ConnectionTested' })
