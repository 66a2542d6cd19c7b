import { operations } from '@certctl/api'
import { z } from '@certctl/core'
import { parseBody } from '../../parse-body.js'
import { defineVerb } from '../../verb.js'
import { healthCheckText } from './health-check-text.js'
import { healthCheckFields, healthCheckGiven, healthCheckOptions } from './settings.js'

export const healthChecksCreate = defineVerb({
  name: 'create',
  summary: 'Has the server look at an endpoint again and again',
  examples: [
    'certctl health-checks create www.example.com:443 --certificate cert-1',
    'certctl health-checks create 10.0.0.7:8443 --server-name app.internal --every 60',
  ],
  arguments: { endpoint: 'host:port; 443 where no port is given' },
  options: { '--id <id>': 'Its id; the server makes one where not given', ...healthCheckOptions },
  given: z.object({ endpoint: z.string(), id: z.string().optional(), ...healthCheckGiven }),
  run: async ({ endpoint, id, ...given }, cli) => {
    const said = { endpoint, ...(id === undefined ? {} : { id }), ...healthCheckFields(given) }
    const { body } = await cli.client().createHealthCheck({ body: parseBody(operations.createHealthCheck, said) })
    cli.say(
      `${body.endpoint} is looked at as ${body.id}; see what is found with: certctl health-checks show ${body.id}`,
    )
    cli.show(body, () => healthCheckText(body, cli.io.now()))
  },
})
