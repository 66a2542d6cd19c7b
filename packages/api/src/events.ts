import { z } from 'zod'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { idSchema, jsonObjectSchema, textSchema, timeSchema } from './scalars.js'

const severities = ['info', 'warning', 'critical'] as const

export const eventSchema = z
  .object({
    id: z.string(),
    type: z.string().describe('certificate.issued, placement.failed, …'),
    severity: z.enum(severities),
    message: z.string(),
    certificate_id: z.string().optional(),
    target_id: z.string().optional(),
    agent_id: z.string().optional(),
    data: jsonObjectSchema,
    at: timeSchema,
  })
  .meta({ id: 'Event' })
export type Event = z.output<typeof eventSchema>

export const eventOperations = {
  listEvents: op('listEvents', 'GET /api/v1/events', {
    summary: 'What happened, newest first',
    permission: 'events.read',
    query: listQuery({
      type: textSchema.optional(),
      severity: z.enum(severities).optional(),
      certificate_id: idSchema.optional(),
      target_id: idSchema.optional(),
      agent_id: idSchema.optional(),
      since: timeSchema.optional(),
      until: timeSchema.optional(),
    }),
    responses: { 200: pageOf(eventSchema, 'Event') },
  }),
}
