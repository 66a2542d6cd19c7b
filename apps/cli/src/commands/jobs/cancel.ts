import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'

export const jobsCancel = defineVerb({
  name: 'cancel',
  summary: 'Cancels a job that has not ended',
  examples: ['certctl jobs cancel job-1'],
  arguments: { id: 'Id of the job' },
  options: { '--reason <text>': 'Why, for the record' },
  given: z.object({ id: z.string(), reason: z.string().optional() }),
  run: async ({ id, reason }, cli) => {
    const { body } = await cli.client().cancelJob({ params: { id }, body: { reason } })
    if (cli.json) cli.show(body, () => '')
    cli.say(`Job ${id} is cancelled`)
  },
})
