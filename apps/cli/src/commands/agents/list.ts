import { type Agent, agentStatuses } from '@certctl/api'
import { z } from '@certctl/core'
import { agoText } from '../../output/time-text.js'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'

export const agentsList = defineVerb({
  name: 'list',
  summary: 'Lists agents and when each was last heard',
  examples: ['certctl agents list', 'certctl agents list --status Offline --json'],
  options: {
    '--status <status>': `Only these: ${agentStatuses.join(', ')}`,
    '--retired': 'Those that were retired instead',
    ...pageOptions,
  },
  given: z.object({
    status: z.enum(agentStatuses, `must be one of ${agentStatuses.join(', ')}`).optional(),
    retired: z.boolean().default(false),
    ...pageGiven,
  }),
  run: async ({ status, retired, ...paging }, cli) => {
    const client = cli.client()
    const list = retired ? client.listRetiredAgents : client.listAgents
    const body = await readPages<Agent>(paging, (page) => list({ query: { status, ...page } }))
    cli.list(body, {
      columns: [
        { title: 'ID', value: ({ id }) => id },
        { title: 'NAME', value: ({ name }) => name },
        { title: 'STATUS', value: (agent) => (agent.retired_at === undefined ? agent.status : 'Retired') },
        { title: 'HEARD', value: ({ last_heartbeat_at }) => agoText(last_heartbeat_at, cli.io.now()) },
        { title: 'HOST', value: ({ hostname }) => hostname },
        { title: 'PLATFORM', value: ({ os, architecture }) => [os, architecture].filter(Boolean).join('/') },
        { title: 'VERSION', value: ({ version }) => version },
      ],
      none: 'No agents; let one join with: certctl agents join-token',
    })
  },
})
