import { z } from 'zod'
import { causeSchema, sha256Schema, timeSchema } from './scalars.js'

export const placementStates = [
  'pending',
  'deploying',
  'deployed',
  'served',
  'drifted',
  'failed',
  'unverifiable',
] as const

/** One certificate at one target: what should be there, what was put there, what answers there. */
export const placementSchema = z
  .object({
    certificate_id: z.string(),
    certificate_name: z.string().optional(),
    target_id: z.string(),
    target_name: z.string(),
    target_type: z.string(),
    agent_id: z.string(),
    agent_name: z.string(),
    state: z.enum(placementStates),
    desired_fingerprint: sha256Schema.optional(),
    desired_at: timeSchema.optional(),
    deployed_fingerprint: sha256Schema.optional(),
    deployed_at: timeSchema.optional(),
    served_fingerprint: sha256Schema.optional(),
    served_at: timeSchema.optional(),
    cause: causeSchema.optional().describe('Why it is not as it should be.'),
    failures: z.number().describe('In a row.'),
    next_attempt_at: timeSchema.optional(),
    window_at: timeSchema
      .optional()
      .describe('Its deployment waits until the maintenance window of the target opens then.'),
    updated_at: timeSchema,
  })
  .meta({ id: 'Placement' })
export type Placement = z.output<typeof placementSchema>
export type PlacementState = Placement['state']
