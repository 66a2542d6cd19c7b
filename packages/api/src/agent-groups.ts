import { z } from 'zod'
import { agentSchema } from './agents.js'
import { crudOperations } from './crud-operations.js'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { changedNounShape, listOf, newNounShape, nounQuery, nounReadOnly, nounShape, nullish } from './plain-noun.js'
import { idParams, idSchema, textSchema } from './scalars.js'

export const agentGroupSchema = z
  .object({
    ...nounShape,
    description: z.string(),
    match_os: z.string(),
    match_architecture: z.string(),
    match_ip_cidr: z.string(),
    match_version: z.string(),
    include_agent_ids: z.array(z.string()),
    exclude_agent_ids: z.array(z.string()),
    enabled: z.boolean(),
  })
  .meta({ id: 'AgentGroup' })
export type AgentGroup = z.output<typeof agentGroupSchema>

const word = z.string().trim().max(64, 'must not be longer than 64 characters')
const agentIds = listOf(idSchema, 1000)

const fields = nullish({
  description: textSchema,
  match_os: word.describe('Operating system, such as linux; in any case. Empty: any.'),
  match_architecture: word.describe('Such as amd64; in any case. Empty: any.'),
  match_ip_cidr: word.describe('Network of IPv4 or IPv6, such as 10.1.0.0/16. Empty: any.'),
  match_version: word.describe('Version of the agent: the whole of it, or its beginning as in 1.2.*. Empty: any.'),
  include_agent_ids: agentIds.describe('Members whatever the criteria say.'),
  exclude_agent_ids: agentIds.describe('Never members, even when included.'),
  enabled: z.boolean().describe('A group that is not enabled has no members.'),
})

export const agentGroupOperations = {
  ...crudOperations(
    {
      singular: 'AgentGroup',
      plural: 'AgentGroups',
      path: '/api/v1/agent-groups',
      summary: 'Agents by what they are',
      read: 'agents.read',
      write: 'agents.write',
      readOnly: nounReadOnly,
    },
    {
      item: agentGroupSchema,
      query: nounQuery,
      create: z.strictObject({ ...newNounShape, ...fields }),
      update: z.strictObject({ ...changedNounShape, ...fields }),
    },
  ),
  listAgentGroupMembers: op('listAgentGroupMembers', 'GET /api/v1/agent-groups/{id}/members', {
    summary: 'Agents that are in it now; retired ones never are',
    permission: 'agents.read',
    params: idParams,
    query: listQuery({}),
    responses: { 200: pageOf(agentSchema, 'Agent') },
  }),
}
