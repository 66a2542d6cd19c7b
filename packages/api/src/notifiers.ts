import { z } from 'zod'
import { connectionReadOnly, connectionSchemas, connectionShape, connectionTestedSchema } from './connections.js'
import { crudOperations } from './crud-operations.js'
import { op } from './op.js'
import { idParams } from './scalars.js'

export const notifierSchema = z.object(connectionShape).meta({ id: 'Notifier' })
export type Notifier = z.output<typeof notifierSchema>

export const notifierOperations = {
  ...crudOperations(
    {
      singular: 'Notifier',
      plural: 'Notifiers',
      path: '/api/v1/notifiers',
      summary: 'Configured ways to tell people',
      read: 'notifiers.read',
      write: 'notifiers.write',
      readOnly: connectionReadOnly,
    },
    { item: notifierSchema, ...connectionSchemas },
  ),
  testNotifier: op('testNotifier', 'POST /api/v1/notifiers/{id}/test', {
    summary: 'Tests credentials and reachability; changes nothing. 422 says why it failed',
    permission: 'notifiers.write',
    params: idParams,
    body: z.strictObject({}).prefault({}),
    responses: { 200: connectionTestedSchema },
  }),
}
