import { bulkItemStates } from '@certctl/api'
import { z } from '@certctl/core'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'

export const jobsItems = defineVerb({
  name: 'items',
  summary: 'Lists the certificates of a bulk job and what became of each',
  examples: ['certctl jobs items job-1 --state failed', 'certctl jobs items job-1 --all --json'],
  arguments: { id: 'Id of the job' },
  options: { '--state <state>': `Only these: ${bulkItemStates.join(', ')}`, ...pageOptions },
  given: z.object({
    id: z.string(),
    state: z.enum(bulkItemStates, `must be one of ${bulkItemStates.join(', ')}`).optional(),
    ...pageGiven,
  }),
  run: async ({ id, state, ...page }, cli) => {
    const listed = await readPages(page, (query) =>
      cli.client().listJobItems({ params: { id }, query: { ...query, state } }),
    )
    cli.list(listed, {
      columns: [
        { title: 'CERTIFICATE', value: ({ certificate_id }) => certificate_id },
        { title: 'STATE', value: (item) => item.state },
        { title: 'CODE', value: ({ code }) => code },
        { title: 'MESSAGE', value: ({ message }) => message },
        { title: 'JOB', value: ({ job_id }) => job_id },
      ],
      none: 'This job has none.',
    })
  },
})
