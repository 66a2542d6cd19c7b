import { z } from '@certctl/core'
import { timeText } from '../../output/time-text.js'
import { defineVerb, typedNumber } from '../../verb.js'

export const healthChecksHistory = defineVerb({
  name: 'history',
  summary: 'Lists the last looks at an endpoint, newest first',
  examples: ['certctl health-checks history hc-1 --limit 20'],
  arguments: { id: 'Id of the health check' },
  options: { '--limit <count>': 'How many, 1 to 1000; 100 where not given' },
  given: z.object({ id: z.string(), limit: typedNumber(1, 1000).optional() }),
  run: async ({ id, limit = 100 }, cli) => {
    const { body } = await cli.client().listHealthCheckHistory({ params: { id }, query: { limit } })
    cli.list(body, {
      columns: [
        { title: 'AT', value: ({ checked_at }) => timeText(checked_at, cli.io.now()) },
        { title: 'STATUS', value: ({ status }) => status },
        { title: 'TOOK', value: ({ response_time_ms }) => `${response_time_ms} ms` },
        { title: 'FINGERPRINT', value: ({ fingerprint }) => fingerprint.slice(0, 12) || undefined },
        { title: 'BECAUSE', value: ({ failure_reason }) => failure_reason || undefined },
      ],
      none: 'Nobody looked yet',
    })
  },
})
