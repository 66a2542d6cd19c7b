import { z } from 'zod'
import { timeSchema } from './scalars.js'

/** What a certificate costs at a CA that counts orders: said when it is asked for. */
export const issuancePlanSchema = z
  .object({
    orders: z.number().describe('One for each holder of a key, now and at each renewal.'),
    in_turn: z.boolean().describe('They are ordered one after the other.'),
    fits: z.boolean().optional().describe('Whether the limits of the CA leave room; absent where it keeps no account.'),
    next_at: timeSchema.optional().describe('When there is room again.'),
    detail: z.string().describe('The same as a sentence.'),
  })
  .meta({ id: 'IssuancePlan' })
