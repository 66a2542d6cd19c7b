import { healthStatuses } from '@certctl/api'
import { z } from '@certctl/core'
import { timeText } from '../../output/time-text.js'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'

export const healthChecksList = defineVerb({
  name: 'list',
  summary: 'Lists the endpoints the server looks at, and what it found there',
  examples: ['certctl health-checks list --status down', 'certctl health-checks list --certificate cert-1'],
  options: {
    '--status <status>': `Only these: ${healthStatuses.join(', ')}`,
    '--certificate <id>': 'Only those of this certificate',
    ...pageOptions,
  },
  given: z.object({
    status: z.enum(healthStatuses, `must be one of ${healthStatuses.join(', ')}`).optional(),
    certificate: z.string().optional(),
    ...pageGiven,
  }),
  run: async ({ status, certificate, ...paging }, cli) => {
    const filters = { status, certificate_id: certificate }
    const body = await readPages(paging, (page) => cli.client().listHealthChecks({ query: { ...filters, ...page } }))
    cli.list(body, {
      columns: [
        { title: 'ID', value: ({ id }) => id },
        { title: 'ENDPOINT', value: ({ endpoint }) => endpoint },
        { title: 'STATUS', value: (check) => check.status },
        { title: 'ENDS', value: ({ cert_expiry }) => timeText(cert_expiry, cli.io.now()) },
        { title: 'CHECKED', value: ({ last_checked_at }) => timeText(last_checked_at, cli.io.now()) },
        { title: 'BECAUSE', value: ({ failure_reason }) => failure_reason || undefined },
      ],
      none: 'No endpoint is looked at; add one with: certctl health-checks create HOST:PORT',
    })
  },
})
