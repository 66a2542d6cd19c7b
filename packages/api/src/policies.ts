import { z } from 'zod'
import { crudOperations } from './crud-operations.js'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { changedNounShape, newNounShape, nounQuery, nounReadOnly, nounShape, nullish, oneOf } from './plain-noun.js'
import { policyConfigSchemas, policyTypes } from './policy-config.js'
import { flag, idParams, jsonObjectSchema, timeSchema } from './scalars.js'

const severities = ['Warning', 'Error', 'Critical'] as const
const modes = ['warn', 'enforce'] as const

export const policySchema = z
  .object({
    ...nounShape,
    type: z.enum(policyTypes),
    config: jsonObjectSchema,
    enabled: z.boolean(),
    severity: z.enum(severities),
    mode: z.enum(modes).describe('warn: a violation is recorded. enforce: it stops what would cause it.'),
  })
  .meta({ id: 'Policy' })
export type Policy = z.output<typeof policySchema>

export const policyViolationSchema = z
  .object({
    id: z.string(),
    certificate_id: z.string(),
    rule_id: z.string(),
    message: z.string(),
    severity: z.string(),
    created_at: timeSchema,
    resolved_at: timeSchema.optional(),
  })
  .meta({ id: 'PolicyViolation' })
export type PolicyViolation = z.output<typeof policyViolationSchema>

const fields = nullish({ enabled: z.boolean(), severity: oneOf(severities), mode: oneOf(modes) })

const createBody = z
  .strictObject({ ...newNounShape, type: oneOf(policyTypes), config: jsonObjectSchema.nullish(), ...fields })
  .superRefine(({ type, config }, context) => {
    const { error } = policyConfigSchemas[type].safeParse(config ?? {})
    for (const issue of error?.issues ?? []) context.addIssue({ ...issue, path: ['config', ...issue.path] })
  })

export const policyOperations = {
  ...crudOperations(
    {
      singular: 'Policy',
      plural: 'Policies',
      path: '/api/v1/policies',
      summary: 'Rules that certificates are held to',
      read: 'policies.read',
      write: 'policies.write',
      readOnly: nounReadOnly,
    },
    {
      item: policySchema,
      query: nounQuery,
      create: createBody,
      update: z.strictObject({
        ...changedNounShape,
        type: oneOf(policyTypes).optional().describe('Must be the type it has.'),
        config: jsonObjectSchema.nullish().describe('The whole of it.'),
        ...fields,
      }),
    },
  ),
  listPolicyViolations: op('listPolicyViolations', 'GET /api/v1/policies/{id}/violations', {
    summary: 'Certificates that are against it',
    permission: 'policies.read',
    params: idParams,
    query: listQuery({ resolved: flag().optional().describe('Past ones as well.') }),
    responses: { 200: pageOf(policyViolationSchema, 'PolicyViolation') },
  }),
}
