import { z } from 'zod'
import { connectionOperations, connectionShape } from './connections.js'

export const notifierSchema = z.object(connectionShape).meta({ id: 'Notifier' })
export type Notifier = z.output<typeof notifierSchema>

export const notifierOperations = connectionOperations(
  {
    singular: 'Notifier',
    plural: 'Notifiers',
    path: '/api/v1/notifiers',
    summary: 'Configured ways to tell people',
    read: 'notifiers.read',
    write: 'notifiers.write',
  },
  notifierSchema,
)
