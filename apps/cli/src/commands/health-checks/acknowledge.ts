import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { healthCheckText } from './health-check-text.js'

export const healthChecksAcknowledge = defineVerb({
  name: 'acknowledge',
  aliases: ['ack'],
  summary: 'Says that somebody is at it, until the endpoint is healthy again',
  examples: ['certctl health-checks acknowledge hc-1 --by "night shift"'],
  arguments: { id: 'Id of the health check' },
  options: { '--by <name>': 'Who; the name of the API key where not given' },
  given: z.object({ id: z.string(), by: z.string().optional() }),
  run: async ({ id, by }, cli) => {
    const said = by === undefined ? {} : { acknowledged_by: by }
    const { body } = await cli.client().acknowledgeHealthCheck({ params: { id }, body: said })
    cli.show(body, () => healthCheckText(body, cli.io.now()))
  },
})
