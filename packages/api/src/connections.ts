import { z } from 'zod'
import { crudOperations, type Noun } from './crud-operations.js'
import { op } from './op.js'
import { listQuery } from './page.js'
import { flag, idParams, idSchema, jsonObjectSchema, nameSchema, timeSchema } from './scalars.js'

/** What issuers, notifiers and DNS providers have in common: a connector, configured. */
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

/** What an older client sends back from what it read, though nobody can set it. */
const unset = Object.keys(connectionShape).filter((name) => !(name in createConnectionBody.shape))

/** The six operations of connections of one kind, under their own operation ids. */
export function connectionOperations<
  const Singular extends string,
  const Plural extends string,
  Item extends z.ZodType,
>(noun: Omit<Noun<Singular, Plural>, 'readOnly'>, item: Item) {
  const test = op(`test${noun.singular}`, `POST ${noun.path}/{id}/test`, {
    summary: 'Tests credentials and reachability; changes nothing. 422 says why it failed',
    permission: noun.write,
    params: idParams,
    body: z.strictObject({}).prefault({}),
    responses: { 200: connectionTestedSchema },
  })
  const schemas = { item, query: connectionQuery, create: createConnectionBody, update: updateConnectionBody }
  return {
    ...crudOperations({ ...noun, readOnly: [...unset, 'hierarchy_mode'] }, schemas),
    ...({ [`test${noun.singular}`]: test } as Record<`test${Singular}`, typeof test>),
  }
}

const connectionTestedSchema = z
  .object({ status: z.literal('connection_successful'), detail: z.string().optional() })
  .meta({ id: 'ConnectionTested' })
