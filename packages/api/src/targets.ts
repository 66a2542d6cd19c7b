import { z } from 'zod'
import { crudOperations } from './crud-operations.js'
import { op } from './op.js'
import { listQuery } from './page.js'
import { flag, idParams, idSchema, jsonObjectSchema, nameSchema, timeSchema } from './scalars.js'

const windowSchema = z
  .strictObject({
    cron: z
      .string()
      .trim()
      .max(256)
      .describe('When it opens: minute, hour, day of the month, month, day of the week. 0 2 * * SAT'),
    duration: z.string().trim().max(16).describe('How long it stays open: 30m, 4h.'),
    time_zone: z.string().trim().max(64).prefault('UTC').describe('Whose clocks count: Europe/Berlin.'),
  })
  .meta({ id: 'MaintenanceWindow' })

const windows = z.array(windowSchema).max(32)

export const targetSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.string(),
    agent_id: z.string(),
    config: jsonObjectSchema.describe('Secrets are shown as ********; sending that back means unchanged.'),
    enabled: z.boolean(),
    windows: windows
      .optional()
      .describe(
        'Deployments wait until one opens, unless the certificate that is served would end before. None: any time.',
      ),
    last_tested_at: timeSchema.optional(),
    test_status: z.string(),
    source: z.string(),
    retired_at: timeSchema.optional(),
    retired_reason: z.string().optional(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Target' })
export type Target = z.output<typeof targetSchema>

const crud = crudOperations(
  {
    singular: 'Target',
    plural: 'Targets',
    path: '/api/v1/targets',
    summary: 'Places that certificates go to',
    read: 'targets.read',
    write: 'targets.write',
    readOnly: ['last_tested_at', 'test_status', 'source', 'retired_at', 'retired_reason', 'created_at', 'updated_at'],
  },
  {
    item: targetSchema,
    query: listQuery({ agent_id: idSchema.optional(), type: nameSchema.optional(), enabled: flag().optional() }),
    create: z.strictObject({
      id: idSchema.optional(),
      name: nameSchema,
      type: nameSchema,
      agent_id: idSchema,
      config: jsonObjectSchema.prefault({}),
      enabled: z.boolean().prefault(true),
      windows: windows.optional(),
    }),
    update: z.strictObject({
      name: nameSchema.optional(),
      type: nameSchema.optional().describe('Must be the type it has.'),
      agent_id: idSchema.optional(),
      config: jsonObjectSchema.optional().describe('Merged field by field; null clears a field.'),
      enabled: z.boolean().optional(),
      windows: windows.optional().describe('All of them; an empty list: any time.'),
    }),
  },
)

export const targetOperations = {
  ...crud,
  testTarget: op('testTarget', 'POST /api/v1/targets/{id}/test', {
    summary: 'Has the agent test it and reports what it saw',
    permission: 'targets.write',
    params: idParams,
    body: z.strictObject({}).prefault({}),
    responses: { 200: z.object({ status: z.enum(['success', 'failed']), message: z.string() }) },
  }),
}
