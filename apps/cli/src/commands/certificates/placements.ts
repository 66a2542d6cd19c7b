import { z } from '@certctl/core'
import { placementColumns } from '../../output/placement-columns.js'
import { defineVerb } from '../../verb.js'
import { certificateArgument, findCertificate } from './find.js'

export const certificatesPlacements = defineVerb({
  name: 'placements',
  summary: 'Shows target by target what should be served, what was deployed and what is served',
  examples: ['certctl certificates placements www.example.com'],
  arguments: certificateArgument,
  given: z.object({ certificate: z.string() }),
  run: async ({ certificate: asked }, cli) => {
    const { id } = await findCertificate(cli, asked)
    const { body } = await cli.client().listCertificatePlacements({ params: { id } })
    cli.list(body, {
      columns: placementColumns(cli.io.now()),
      none: `It goes nowhere yet; add a target with: certctl certificates add-target ${id} TARGET`,
    })
  },
})
