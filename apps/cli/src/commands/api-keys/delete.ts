import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'

export const apiKeysDelete = defineVerb({
  name: 'delete',
  summary: 'Ends an API key at once',
  examples: ['certctl api-keys delete key-1'],
  arguments: { id: 'Id of the key' },
  given: z.object({ id: z.string() }),
  run: async ({ id }, cli) => {
    await cli.client().deleteApiKey({ params: { id } })
    if (cli.json) cli.show({ status: 'deleted', id }, () => '')
    cli.say(`API key ${id} has ended`)
  },
})
