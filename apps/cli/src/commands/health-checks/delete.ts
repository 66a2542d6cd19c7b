import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'

export const healthChecksDelete = defineVerb({
  name: 'delete',
  summary: 'Stops looking at an endpoint and forgets what was seen there',
  examples: ['certctl health-checks delete hc-1'],
  arguments: { id: 'Id of the health check' },
  given: z.object({ id: z.string() }),
  run: async ({ id }, cli) => {
    await cli.client().deleteHealthCheck({ params: { id } })
    if (cli.json) cli.show({ status: 'deleted', id }, () => '')
    cli.say(`health check ${id} is removed`)
  },
})
