import { type AgentGroup, operations } from '@certctl/api'
import { z } from '@certctl/core'
import { parseBody } from '../parse-body.js'
import { pageGiven, pageOptions, readPages } from '../read-pages.js'
import { defineVerb } from '../verb.js'
import { listOption, textOption, yesNoOption } from './plain-nouns/field-option.js'
import type { PlainNoun } from './plain-nouns/noun.js'
import { plainVerbs } from './plain-nouns/verbs.js'

const noun: PlainNoun<AgentGroup> = {
  plural: 'agent-groups',
  singular: 'agent group',
  aSingular: 'an agent group',
  example: { id: 'ag-dc1', create: '--id ag-dc1 --os linux --network 10.1.0.0/16', change: '--agent-version "1.2.*"' },
  columns: [
    { title: 'ID', value: ({ id }) => id },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'OS', value: ({ match_os }) => match_os },
    { title: 'ARCHITECTURE', value: ({ match_architecture }) => match_architecture },
    { title: 'NETWORK', value: ({ match_ip_cidr }) => match_ip_cidr },
    { title: 'VERSION', value: ({ match_version }) => match_version },
    { title: 'ENABLED', value: ({ enabled }) => enabled },
  ],
  options: [
    textOption('--description <text>', { field: 'description', says: 'What it is for' }),
    textOption('--os <name>', { field: 'match_os', says: 'Operating system, such as linux; in any case' }),
    textOption('--architecture <name>', { field: 'match_architecture', says: 'Such as x64; in any case' }),
    textOption('--network <cidr>', { field: 'match_ip_cidr', says: 'Network of IPv4 or IPv6, such as 10.1.0.0/16' }),
    textOption('--agent-version <version>', {
      field: 'match_version',
      says: 'Version of the agent: all of it, or its beginning as in 1.2.*',
    }),
    listOption('--include <id>...', { field: 'include_agent_ids', says: 'Agent that is a member whatever it is' }),
    listOption('--exclude <id>...', {
      field: 'exclude_agent_ids',
      says: 'Agent that is never a member, even when included',
    }),
    yesNoOption('--enabled <yes|no>', { field: 'enabled', says: 'Whether it has members at all' }),
  ],
  list: (client, query) => client.listAgentGroups({ query }),
  get: (client, id) => client.getAgentGroup({ params: { id } }),
  create: (client, given) => client.createAgentGroup({ body: parseBody(operations.createAgentGroup, given) }),
  update: (client, id, given) =>
    client.updateAgentGroup({ params: { id }, body: parseBody(operations.updateAgentGroup, given) }),
  remove: (client, id) => client.deleteAgentGroup({ params: { id } }),
}

const membersVerb = defineVerb({
  name: 'members',
  summary: 'Lists the agents that are in an agent group now',
  examples: ['certctl agent-groups members ag-dc1'],
  arguments: { id: 'Id of the agent group' },
  options: pageOptions,
  given: z.object({ id: z.string(), ...pageGiven }),
  run: async ({ id, ...paging }, cli) => {
    const body = await readPages(paging, (query) => cli.client().listAgentGroupMembers({ params: { id }, query }))
    cli.list(body, {
      columns: [
        { title: 'ID', value: (agent) => agent.id },
        { title: 'NAME', value: (agent) => agent.name },
        { title: 'STATUS', value: (agent) => agent.status },
        { title: 'OS', value: ({ os, architecture }) => [os, architecture].filter((part) => part !== '').join('/') },
        { title: 'ADDRESS', value: (agent) => agent.ip_address },
        { title: 'VERSION', value: (agent) => agent.version },
      ],
      none: 'No agent is in this group; see what it asks for with: certctl agent-groups show ID',
    })
  },
})

export const agentGroupVerbs = [...plainVerbs(noun), membersVerb]
