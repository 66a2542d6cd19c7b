import { z } from 'zod'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { problemSchema } from './problem.js'
import { emptySchema, flag, idParams, idSchema, nameSchema, textSchema, timeSchema } from './scalars.js'

export const agentStatuses = ['Online', 'Offline', 'Degraded'] as const

export const agentSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    hostname: z.string(),
    status: z.enum(agentStatuses),
    last_heartbeat_at: timeSchema.optional(),
    registered_at: timeSchema,
    os: z.string(),
    architecture: z.string(),
    ip_address: z.string(),
    version: z.string(),
    retired_at: timeSchema.optional(),
    retired_reason: z.string().optional(),
  })
  .meta({ id: 'Agent' })
export type Agent = z.output<typeof agentSchema>

const described = z.string().max(256)

export const dependencyCountsSchema = z
  .object({ active_targets: z.number(), active_certificates: z.number(), pending_jobs: z.number() })
  .meta({ id: 'DependencyCounts' })

/** The problem document of a refused retirement, with the word older clients compare `error` with. */
export const blockedByDependenciesSchema = problemSchema
  .extend({ error: z.literal('blocked_by_dependencies'), counts: dependencyCountsSchema })
  .meta({ id: 'BlockedByDependencies' })

export const agentOperations = {
  listAgents: op('listAgents', 'GET /api/v1/agents', {
    summary: 'Agents that are not retired',
    permission: 'agents.read',
    query: listQuery({ status: z.enum(agentStatuses).optional(), name: textSchema.optional() }),
    responses: { 200: pageOf(agentSchema, 'Agent') },
  }),
  listRetiredAgents: op('listRetiredAgents', 'GET /api/v1/agents/retired', {
    summary: 'Agents that were retired',
    permission: 'agents.read',
    query: listQuery({ status: z.enum(agentStatuses).optional() }),
    responses: { 200: pageOf(agentSchema, 'Agent') },
  }),
  createAgent: op('createAgent', 'POST /api/v1/agents', {
    summary: 'Registers an agent by hand and shows its key once',
    permission: 'agents.write',
    body: z.strictObject({
      id: idSchema.optional(),
      name: nameSchema,
      hostname: described.min(1, 'must not be empty'),
      os: described.optional(),
      architecture: described.optional(),
      ip_address: described.optional(),
      version: described.optional(),
    }),
    ignores: ['status', 'last_heartbeat_at', 'registered_at', 'api_key_hash', 'api_key'],
    responses: {
      201: agentSchema.extend({ api_key: z.string().describe('Shown this once.') }).meta({ id: 'CreatedAgent' }),
    },
  }),
  getAgent: op('getAgent', 'GET /api/v1/agents/{id}', {
    summary: 'One agent',
    permission: 'agents.read',
    agent: 'own',
    params: idParams,
    responses: { 200: agentSchema },
  }),
  retireAgent: op('retireAgent', 'DELETE /api/v1/agents/{id}', {
    summary: 'Retires an agent; with force also what depends on it. 204 where it was retired before',
    permission: 'agents.write',
    params: idParams,
    query: z
      .strictObject({ force: flag().optional(), reason: textSchema.optional() })
      .refine(({ force, reason }) => force !== true || (reason ?? '').trim() !== '', {
        path: ['reason'],
        message: 'must be given with force',
      }),
    responses: {
      200: z
        .object({
          retired_at: timeSchema,
          already_retired: z.boolean(),
          cascade: z.boolean(),
          counts: dependencyCountsSchema,
        })
        .meta({ id: 'RetiredAgent' }),
      204: emptySchema,
      409: blockedByDependenciesSchema,
    },
  }),
  joinAgent: op('joinAgent', 'POST /api/v1/agents/join', {
    summary: "Exchanges a join token for an agent's own key",
    permission: 'public',
    body: z.strictObject({
      token: z.string().min(1).max(4096),
      name: nameSchema,
      hostname: described.min(1, 'must not be empty'),
      os: described,
      architecture: described,
      version: described,
    }),
    responses: { 201: z.object({ agent: agentSchema, api_key: z.string() }).meta({ id: 'JoinedAgent' }) },
  }),
}
