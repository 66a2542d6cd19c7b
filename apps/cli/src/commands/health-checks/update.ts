import { operations } from '@certctl/api'
import { CertctlError, z } from '@certctl/core'
import { parseBody } from '../../parse-body.js'
import { defineVerb } from '../../verb.js'
import { healthCheckText } from './health-check-text.js'
import { healthCheckFields, healthCheckGiven, healthCheckOptions } from './settings.js'

export const healthChecksUpdate = defineVerb({
  name: 'update',
  summary: 'Changes what is given of a health check; the rest stays',
  examples: ['certctl health-checks update hc-1 --every 60 --down-at 3', 'certctl health-checks update hc-1 --disable'],
  arguments: { id: 'Id of the health check' },
  options: {
    '--endpoint <endpoint>': 'host:port',
    ...healthCheckOptions,
    '--enable': 'Look at it',
    '--disable': 'Do not look at it for now',
  },
  given: z.object({
    id: z.string(),
    endpoint: z.string().optional(),
    ...healthCheckGiven,
    enable: z.boolean().default(false),
    disable: z.boolean().default(false),
  }),
  run: async ({ id, endpoint, enable, disable, ...given }, cli) => {
    if (enable && disable) throw new CertctlError('request_malformed', '--enable and --disable exclude each other')
    const said = {
      ...(endpoint === undefined ? {} : { endpoint }),
      ...healthCheckFields(given),
      ...(enable || disable ? { enabled: enable } : {}),
    }
    if (Object.keys(said).length === 0)
      throw new CertctlError(
        'request_malformed',
        'Nothing to change; see what can be: certctl health-checks update --help',
      )
    const call = { params: { id }, body: parseBody(operations.updateHealthCheck, said) }
    const { body } = await cli.client().updateHealthCheck(call)
    cli.show(body, () => healthCheckText(body, cli.io.now()))
  },
})
