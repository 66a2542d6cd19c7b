import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { waitForCertificate, waitGiven, waitOptions } from '../../wait/wait-for-certificate.js'
import { certificateArgument, findCertificate } from './find.js'

export const certificatesAddTarget = defineVerb({
  name: 'add-target',
  summary: 'Sends a certificate to one more target',
  examples: ['certctl certificates add-target www.example.com web-2 --wait'],
  arguments: { ...certificateArgument, target: 'Id of the target' },
  options: waitOptions,
  given: z.object({ certificate: z.string(), target: z.string(), ...waitGiven }),
  run: async ({ certificate: asked, target, wait, timeout }, cli) => {
    const certificate = await findCertificate(cli, asked)
    const { body } = await cli
      .client()
      .addCertificateTarget({ params: { id: certificate.id }, body: { target_id: target } })
    if (wait) await waitForCertificate(cli, { certificate, targetId: target, timeoutSeconds: timeout })
    cli.show(body, () => `${certificate.name} goes to ${body.target_name}`)
  },
})
