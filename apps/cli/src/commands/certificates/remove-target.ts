import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { certificateArgument, findCertificate } from './find.js'

export const certificatesRemoveTarget = defineVerb({
  name: 'remove-target',
  summary: 'Stops sending a certificate to a target; what is there stays',
  examples: ['certctl certificates remove-target www.example.com web-2'],
  arguments: { ...certificateArgument, target: 'Id of the target' },
  given: z.object({ certificate: z.string(), target: z.string() }),
  run: async ({ certificate: asked, target }, cli) => {
    const { id, name } = await findCertificate(cli, asked)
    await cli.client().removeCertificateTarget({ params: { id, target_id: target } })
    if (cli.json) cli.show({ status: 'removed', certificate_id: id, target_id: target }, () => '')
    cli.say(`${name} no longer goes to ${target}`)
  },
})
