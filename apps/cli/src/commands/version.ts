import { z } from '@certctl/core'
import { defineVerb } from '../verb.js'

export const version = defineVerb({
  name: 'version',
  summary: 'Shows the version of this program',
  examples: ['certctl version'],
  given: z.object({}),
  run: async (_, cli) => cli.show({ version: cli.version }, () => `certctl ${cli.version}`),
})
