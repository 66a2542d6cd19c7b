import { z } from 'zod'
import { op } from './op.js'
import { timeSchema, wholeNumber } from './scalars.js'

const count = z.number()

export const planWarnings = ['by_hand', 'blocked', 'failing', 'agent_silent', 'window_too_late'] as const

const warningSchema = z
  .object({
    kind: z.enum(planWarnings),
    certificate_id: z.string(),
    certificate_name: z.string(),
    agent_id: z.string().optional(),
    target_id: z.string().optional(),
    ends_at: timeSchema.optional().describe('Absent where nothing was issued yet.'),
    message: z.string(),
    command: z.string().describe('What a person types.'),
  })
  .meta({ id: 'PlanWarning' })

export const planSchema = z
  .object({
    from: timeSchema,
    to: timeSchema,
    lifetime_seconds: count.optional().describe('Where it answers what would be if all certificates lived that long.'),
    renewals: count.describe('Of keys: a certificate with three holders is renewed three times.'),
    deployments: count,
    days: z
      .array(
        z.object({
          date: z.iso.date().describe('A day in UTC.'),
          renewals: count,
          deployments: count,
          issuers: z.record(z.string(), count).describe('Renewals by issuer.'),
        }),
      )
      .describe('Those on which something happens.'),
    issuers: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        metered: z.boolean().describe('Whether each order may cost money or count against a quota.'),
        renewals: count,
        most_a_day: count,
        fits: z.boolean().optional().describe('Whether its limits leave room for the orders of its busiest day.'),
        limits: z.string().optional().describe('What it says of its limits.'),
      }),
    ),
    targets: z
      .array(
        z.object({ id: z.string(), name: z.string(), agent_id: z.string(), deployments: count, most_a_day: count }),
      )
      .describe('At most a hundred, those with the most deployments (each may reload the target) first.'),
    targets_total: count,
    warnings: z.array(warningSchema).describe('At most five hundred, those that end first in front.'),
    warnings_total: count,
  })
  .meta({ id: 'Plan' })
export type Plan = z.output<typeof planSchema>

export const planOperations = {
  getPlan: op('getPlan', 'GET /api/v1/plan', {
    summary: 'What will be renewed when, and what will not',
    permission: 'status.read',
    query: z.strictObject({
      days: wholeNumber(1, 400).optional().describe('How far to look; 30 where not given.'),
      lifetime: z
        .string()
        .regex(/^[1-9]\d{0,5}[hd]$/, 'must be a number of hours or days, such as 47d')
        .optional()
        .describe('What would be if all certificates lived that long: 47d, 24h.'),
    }),
    responses: { 200: planSchema },
  }),
}
