import { jobStatuses, jobTypes } from '@certctl/api'
import { z } from '@certctl/core'
import { agoText } from '../../output/time-text.js'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'

export const jobsList = defineVerb({
  name: 'list',
  summary: 'Lists jobs, newest first',
  examples: ['certctl jobs list --status Failed', 'certctl jobs list --certificate cert-1 --json'],
  options: {
    '--status <status>': `Only these: ${jobStatuses.join(', ')}`,
    '--type <type>': `Only these: ${jobTypes.join(', ')}`,
    '--certificate <id>': 'Only those of this certificate',
    '--target <id>': 'Only those of this target',
    '--agent <id>': 'Only those of this agent',
    ...pageOptions,
  },
  given: z.object({
    status: z.enum(jobStatuses, `must be one of ${jobStatuses.join(', ')}`).optional(),
    type: z.enum(jobTypes, `must be one of ${jobTypes.join(', ')}`).optional(),
    certificate: z.string().optional(),
    target: z.string().optional(),
    agent: z.string().optional(),
    ...pageGiven,
  }),
  run: async ({ status, type, certificate, target, agent, ...paging }, cli) => {
    const filters = { status, type, certificate_id: certificate, target_id: target, agent_id: agent }
    const body = await readPages(paging, (page) => cli.client().listJobs({ query: { ...filters, ...page } }))
    cli.list(body, {
      columns: [
        { title: 'ID', value: ({ id }) => id },
        { title: 'TYPE', value: (job) => job.type },
        { title: 'STATUS', value: (job) => job.status },
        { title: 'CERTIFICATE', value: ({ certificate_id }) => certificate_id },
        { title: 'TARGET', value: ({ target_id }) => target_id },
        { title: 'ATTEMPTS', value: ({ attempts }) => attempts },
        { title: 'MADE', value: ({ created_at }) => agoText(created_at, cli.io.now()) },
        { title: 'LAST ERROR', value: ({ last_error }) => last_error },
      ],
      none: 'No jobs',
    })
  },
})
