import { z } from 'zod'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { emptySchema, flag, idParams, idSchema, jsonObjectSchema, nameSchema, timeSchema } from './scalars.js'

export const notifierSchema = z
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
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Notifier' })
export type Notifier = z.output<typeof notifierSchema>

/** What an older client sends back from what it read, though nobody can set it. */
const readOnly = [
  'available',
  'unavailable_reason',
  'last_tested_at',
  'test_status',
  'source',
  'created_at',
  'updated_at',
]

export const notifierOperations = {
  listNotifiers: op({
    operationId: 'listNotifiers',
    method: 'GET',
    path: '/api/v1/notifiers',
    summary: 'Configured ways to tell people',
    permission: 'notifiers.read',
    query: listQuery({ type: nameSchema.optional(), enabled: flag().optional() }),
    responses: { 200: pageOf(notifierSchema, 'Notifier') },
  }),
  createNotifier: op({
    operationId: 'createNotifier',
    method: 'POST',
    path: '/api/v1/notifiers',
    summary: 'Adds one',
    permission: 'notifiers.write',
    body: z.strictObject({
      id: idSchema.optional(),
      name: nameSchema,
      type: nameSchema,
      config: jsonObjectSchema.prefault({}),
      enabled: z.boolean().prefault(true),
    }),
    ignores: readOnly,
    responses: { 201: notifierSchema },
  }),
  getNotifier: op({
    operationId: 'getNotifier',
    method: 'GET',
    path: '/api/v1/notifiers/{id}',
    summary: 'One of them',
    permission: 'notifiers.read',
    params: idParams,
    responses: { 200: notifierSchema },
  }),
  updateNotifier: op({
    operationId: 'updateNotifier',
    method: 'PUT',
    path: '/api/v1/notifiers/{id}',
    summary: 'Changes what is given; the rest stays',
    permission: 'notifiers.write',
    params: idParams,
    body: z.strictObject({
      name: nameSchema.optional(),
      type: nameSchema.optional().describe('Must be the type it has.'),
      config: jsonObjectSchema.optional().describe('Merged field by field; null clears a field.'),
      enabled: z.boolean().optional(),
    }),
    ignores: ['id', ...readOnly],
    responses: { 200: notifierSchema },
  }),
  deleteNotifier: op({
    operationId: 'deleteNotifier',
    method: 'DELETE',
    path: '/api/v1/notifiers/{id}',
    summary: 'Removes one that nothing uses',
    permission: 'notifiers.write',
    params: idParams,
    responses: { 204: emptySchema },
  }),
  testNotifier: op({
    operationId: 'testNotifier',
    method: 'POST',
    path: '/api/v1/notifiers/{id}/test',
    summary: 'Tests credentials and reachability; changes nothing. 422 says why it failed',
    permission: 'notifiers.write',
    params: idParams,
    body: z.strictObject({}).prefault({}),
    responses: { 200: z.object({ status: z.literal('connection_successful'), detail: z.string().optional() }) },
  }),
}
