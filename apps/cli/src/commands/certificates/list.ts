import { certificateStatuses } from '@certctl/api'
import { z } from '@certctl/core'
import { timeText } from '../../output/time-text.js'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'

export const certificatesList = defineVerb({
  name: 'list',
  summary: 'Lists managed certificates',
  examples: [
    'certctl certificates list',
    'certctl certificates list --status Expiring --sort notAfter',
    'certctl certificates list --name www.example.com --json',
  ],
  options: {
    '--status <status>': `Only these: ${certificateStatuses.join(', ')}`,
    '--name <name>': 'Only those with this name',
    '--issuer <id>': 'Only those of this issuer',
    '--target <id>': 'Only those that go to this target',
    '--agent <id>': 'Only those that this agent has',
    '--environment <name>': 'Only those of this environment',
    '--sort <field>': 'notAfter, createdAt, name, …; with - in front for descending',
    ...pageOptions,
  },
  given: z.object({
    status: z.enum(certificateStatuses, `must be one of ${certificateStatuses.join(', ')}`).optional(),
    name: z.string().optional(),
    issuer: z.string().optional(),
    target: z.string().optional(),
    agent: z.string().optional(),
    environment: z.string().optional(),
    sort: z.string().optional(),
    ...pageGiven,
  }),
  run: async ({ status, name, issuer, target, agent, environment, sort, ...paging }, cli) => {
    const filters = { status, name, issuer_id: issuer, target_id: target, agent_id: agent, environment, sort }
    const body = await readPages(paging, (page) => cli.client().listCertificates({ query: { ...filters, ...page } }))
    const now = cli.io.now()
    cli.list(body, {
      columns: [
        { title: 'ID', value: ({ id }) => id },
        { title: 'NAME', value: (item) => item.name },
        { title: 'STATUS', value: (item) => item.status },
        { title: 'EXPIRES', value: ({ expires_at }) => timeText(expires_at, now) },
        { title: 'ISSUER', value: ({ issuer_id }) => issuer_id },
        { title: 'TARGETS', value: ({ target_ids }) => target_ids?.join(', ') },
      ],
      none: 'No certificates; ask for one with: certctl certificates request --help',
    })
  },
})
