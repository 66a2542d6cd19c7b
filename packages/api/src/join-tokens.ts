import { z } from 'zod'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { emptySchema, idParams, nameSchema, timeSchema } from './scalars.js'

const joinTokenShape = {
  id: z.string(),
  agent_name: z.string().optional().describe('The only name an agent may join under with it.'),
  created_by: z.string().optional(),
  created_at: timeSchema,
  expires_at: timeSchema,
  used_at: timeSchema.optional(),
  agent_id: z.string().optional().describe('Who joined with it.'),
}
export const joinTokenSchema = z.object(joinTokenShape).meta({ id: 'JoinToken' })
export type JoinToken = z.output<typeof joinTokenSchema>

export const createdJoinTokenSchema = z
  .object({
    ...joinTokenShape,
    token: z.string().describe("Shown this once. Carries the server's address and the pin of its CA."),
    command: z.string().describe("What to run on the agent's host."),
  })
  .meta({ id: 'CreatedJoinToken' })

const week = 7 * 24 * 3600

export const joinTokenOperations = {
  listJoinTokens: op('listJoinTokens', 'GET /api/v1/join-tokens', {
    summary: 'Join tokens, without their values',
    permission: 'join_tokens.read',
    query: listQuery({}),
    responses: { 200: pageOf(joinTokenSchema, 'JoinToken') },
  }),
  createJoinToken: op('createJoinToken', 'POST /api/v1/join-tokens', {
    summary: 'Makes a token with which one agent may join once',
    permission: 'join_tokens.write',
    body: z
      .strictObject({
        agent_name: nameSchema.optional(),
        expires_in_seconds: z
          .int()
          .min(60, 'must be between 60 and 604800')
          .max(week, 'must be between 60 and 604800')
          .prefault(3600),
      })
      .prefault({}),
    responses: { 201: createdJoinTokenSchema },
  }),
  deleteJoinToken: op('deleteJoinToken', 'DELETE /api/v1/join-tokens/{id}', {
    summary: 'Ends a token that was not used',
    permission: 'join_tokens.write',
    params: idParams,
    responses: { 204: emptySchema },
  }),
}
