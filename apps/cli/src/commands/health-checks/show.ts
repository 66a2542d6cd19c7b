import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { healthCheckText } from './health-check-text.js'

export const healthChecksShow = defineVerb({
  name: 'show',
  aliases: ['get'],
  summary: 'Shows one endpoint and what was last seen there',
  examples: ['certctl health-checks show hc-1'],
  arguments: { id: 'Id of the health check' },
  given: z.object({ id: z.string() }),
  run: async ({ id }, cli) => {
    const { body } = await cli.client().getHealthCheck({ params: { id } })
    cli.show(body, () => healthCheckText(body, cli.io.now()))
  },
})
