import { z } from '@certctl/core'
import { timeText } from '../../output/time-text.js'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'

const severities = ['info', 'warning', 'critical'] as const

export const eventsList = defineVerb({
  name: 'list',
  summary: 'Lists what happened, newest first',
  examples: [
    'certctl events list --severity critical',
    'certctl events list --certificate cert-1 --since 2026-01-31T00:00:00Z',
  ],
  options: {
    '--severity <severity>': `Only these: ${severities.join(', ')}`,
    '--type <type>': 'Only this type of event, such as certificate.issued',
    '--certificate <id>': 'Only those of this certificate',
    '--target <id>': 'Only those of this target',
    '--agent <id>': 'Only those of this agent',
    '--since <time>': 'Not before this time (RFC 3339)',
    '--until <time>': 'Not after this time (RFC 3339)',
    ...pageOptions,
  },
  given: z.object({
    severity: z.enum(severities, `must be one of ${severities.join(', ')}`).optional(),
    type: z.string().optional(),
    certificate: z.string().optional(),
    target: z.string().optional(),
    agent: z.string().optional(),
    since: z.string().optional(),
    until: z.string().optional(),
    ...pageGiven,
  }),
  run: async ({ severity, type, certificate, target, agent, since, until, ...paging }, cli) => {
    const filters = { severity, type, certificate_id: certificate, target_id: target, agent_id: agent, since, until }
    const body = await readPages(paging, (page) => cli.client().listEvents({ query: { ...filters, ...page } }))
    cli.list(body, {
      columns: [
        { title: 'AT', value: ({ at }) => timeText(at, cli.io.now()) },
        { title: 'SEVERITY', value: (event) => event.severity },
        { title: 'TYPE', value: (event) => event.type },
        { title: 'MESSAGE', value: ({ message }) => message },
      ],
      none: 'Nothing happened',
    })
  },
})
